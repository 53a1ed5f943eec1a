"""Trouble in the background, for the log: told once for a while, not each time it is met."""

from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

AGAIN: Final = 600.0
"""Seconds after which trouble that lasts, or is back, is told again."""
KNOWN: Final = 64
"""Different texts that are remembered."""


class Complaints:
    """Passes on errors, of each text one in `AGAIN` seconds."""

    def __init__(self, tell: Callable[[Exception], None], monotonic: Callable[[], float]) -> None:
        self._tell = tell
        self._told: TTLCache[str, None] = TTLCache(KNOWN, AGAIN, timer=monotonic)

    def __call__(self, error: Exception) -> None:
        """Tell of `error` unless it was told of lately."""
        text = str(error)
        if text not in self._told:
            self._told[text] = None
            self._tell(error)
