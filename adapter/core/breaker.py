"""The circuit breaker of one upstream, as a pure state machine (external-metrics-api §17).

After five failures in a row queries fail at once, except one probe every five seconds. Any success
closes the circuit. Times are seconds of one monotonic clock.
"""

from typing import Final, Literal

from msgspec import Struct

FAILURES: Final = 5
"""Failures in a row that open the circuit."""
PROBE_EVERY: Final = 5.0
"""Seconds from the opening to the first probe, and from one probe to the next."""

Admission = Literal["pass", "probe", "refuse"]


class Breaker(Struct, frozen=True):
    """What is known of the upstream. A new one has no failures."""

    failures: int = 0
    probe_at: float = 0.0
    """When the next probe may go; means nothing while the circuit is closed."""

    @property
    def open(self) -> bool:
        """Whether queries are held back."""
        return self.failures >= FAILURES

    def admission(self, now: float) -> Admission:
        """What happens to a query that comes now."""
        if not self.open:
            return "pass"
        return "probe" if now >= self.probe_at else "refuse"

    def probing(self, now: float) -> "Breaker":
        """A probe has gone. Should it never end, the next one goes in its turn all the same."""
        return Breaker(self.failures, now + PROBE_EVERY)

    def succeeded(self) -> "Breaker":
        """A query was answered."""
        return CLOSED

    def failed(self, now: float) -> "Breaker":
        """A query was not answered. Queries under way when the circuit opens do not postpone the
        probe.
        """
        if self.open:
            return self
        return Breaker(self.failures + 1, now + PROBE_EVERY)


CLOSED: Final = Breaker()
