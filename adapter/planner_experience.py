"""What upstreams were seen to make of questions put together, for as long as that may hold."""

from typing import Final, Literal

from cachetools import TTLCache

from adapter.core.planner_batches import MOST
from kube.vocab.times import Clock

_APART: Final = 60.0
"""Seconds in which questions are not put together after an upstream refused that."""
_FEWEST: Final = 8
"""Questions in one query when the upstream has no time for more."""
_CAUTIOUS: Final = 600.0
"""Seconds in which that is remembered."""
_LINES: Final = 1000

Key = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Forms, upstream and headers: what questions that are asked together have in common."""

Outcome = Literal["fine", "slow", "refused"]
"""How a query for many questions went: the upstream may have no time for it, or not want it."""


class Experience:
    """Remembers outcomes by key."""

    def __init__(self, clock: Clock) -> None:
        self._apart: TTLCache[Key, bool] = TTLCache(_LINES, _APART, clock.monotonic)
        self._most: TTLCache[Key, int] = TTLCache(_LINES, _CAUTIOUS, clock.monotonic)

    def apart(self, key: Key) -> bool:
        """Whether questions are better asked one by one."""
        return key in self._apart

    def most(self, key: Key) -> int:
        """How many questions may go into one query."""
        return self._most.get(key, MOST)

    def learn(self, key: Key, outcome: Outcome, asked: int) -> None:
        """How a query for `asked` questions went: much fewer after a timeout, slowly more again."""
        if outcome == "refused":
            self._apart[key] = True
        elif outcome == "slow":
            self._most[key] = max(_FEWEST, asked // 4)
        elif key in self._most:
            self._most[key] = min(MOST, self.most(key) + _FEWEST)
