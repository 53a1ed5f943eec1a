"""What time it is where objects get their times: at the API server.

How old a pod is must not depend on our own clock, which may have been set a moment ago (D40). The
`Date` of an answer tells the server's time to a second, so that small differences say nothing.
"""

from email.utils import parsedate_to_datetime
from typing import Final

from kube.vocab.times import SECOND, Clock

LEAST: Final = 5 * SECOND
"""A smaller difference may be rounding, or the way of the answer."""
OWN: Final = "/api/"
"""Paths that the API server answers itself; `/apis/…` may be another server's, with its clock."""


class ServerClock:
    """How far the API server's clock is ahead of ours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    @property
    def ahead(self) -> int:
        """Milliseconds, negative where it is behind; 0 where the two agree, or nothing is known."""
        return self._ahead if abs(self._ahead) >= LEAST else 0

    def heard(self, path: str, date: str | None) -> None:
        """An answer to `path` has this `Date`."""
        if date is None or not path.startswith(OWN):
            return
        try:
            told = round(parsedate_to_datetime(date).timestamp() * SECOND)
        except (ValueError, OverflowError):
            return
        self._ahead = told - self._clock.now()
