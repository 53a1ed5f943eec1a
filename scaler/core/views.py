"""Whether the listed pods are as many as the target says it runs (V-07, D36).

A list is fresh, and yet two servers behind one address may tell of two storages (scenarios §3.4,
5e). What differs from the target's own count could make a step too large, so it has to be seen
again first. After that it is believed: some kinds count differently, and would never move.
"""

from typing import Final

from msgspec import Struct

from scaler.core.observed import Doubt, Observed

PATIENCE: Final = 2
"""Evaluations in a row that see a difference without believing it."""


class View(Struct, frozen=True, gc=False):
    """In how many evaluations in a row, up to now, the pods differed in one direction."""

    direction: Doubt = ""
    evaluations: int = 0

    def after(self, observed: Observed) -> "View":
        """The view after one more look. One without pods begins anew."""
        if observed.scale is None or observed.pods is None:
            return View()
        pods, reported = observed.pods, observed.scale.status_replicas
        if pods.owned <= reported <= pods.owned + pods.leaving:
            # Kinds differ in whether they report pods on their way out.
            return View()
        direction: Doubt = "more" if pods.owned > reported else "fewer"
        if direction != self.direction:
            return View(direction, 1)
        return View(direction, min(self.evaluations + 1, PATIENCE + 1))

    @property
    def doubt(self) -> Doubt:
        """How the pods differ, as long as that is not believed."""
        return self.direction if self.evaluations <= PATIENCE else ""
