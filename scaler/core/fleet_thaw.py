"""After the fleet breaker closed: how many replicas may go, so that not all targets shrink at once.

A token bucket that starts empty. It fills by a percentage of the fleet's replicas a minute, in
fractions, and within any minute no more than that percentage is taken from it. Where the percentage
is less than the smallest step that a target can make, one such step goes each time as much has been
saved up and nothing else went for a minute: a small fleet is slowed down, never stuck.

All arithmetic is on whole numbers. Times are milliseconds of a clock that only goes forward.
"""

from collections import deque
from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND

MINUTE: Final = 60 * SECOND
LONGEST: Final = 30 * MINUTE
"""A thaw is over after that, whatever it still holds back."""
_ONE: Final = 100 * MINUTE
"""What one replica takes out of the bucket, which holds percent times milliseconds."""


class Thaw:
    """One thaw, from the breaker's closing on."""

    def __init__(self, percent: int, quiet: int, at: int) -> None:
        """`percent` of the replicas may go in a minute. It is over once it held nothing back for
        `quiet` milliseconds.
        """
        self._percent = percent
        self._quiet = quiet
        self._began = self._held = self._filled = at
        self._tokens = 0
        self._promised = 0
        self._gone: deque[tuple[int, int]] = deque()
        self._gone_lately = 0

    def fill(self, replicas: int, at: int) -> None:
        """Time has passed, in which the fleet had so many replicas."""
        self._tokens += self._percent * replicas * (at - self._filled)
        self._filled = at
        while self._gone and at - self._gone[0][0] >= MINUTE:
            self._gone_lately -= self._gone.popleft()[1]

    def allowance(self, step: int, replicas: int) -> int:
        """How many of the fleet's `replicas` may go now, from a target whose smallest possible step
        is `step`. To be asked after `fill`.
        """
        saved = self._tokens // _ONE
        taken = self._gone_lately + self._promised
        left = min(saved, (self._percent * replicas - 100 * taken) // 100)
        if left < step <= saved and taken == 0:
            return step
        return max(0, left)

    def portion(self, step: int, replicas: int) -> int:
        """What goes in parts of that size: more than half a minute's share of the fleet's
        `replicas`, and more than a target's smallest `step`. It would seldom find so much left.
        """
        return max(step, self._percent * replicas // 200)

    def promise(self, count: int) -> None:
        """So many will go, unless they are given back: nobody else may have them meanwhile."""
        self._promised += count
        self._tokens -= count * _ONE

    def settle(self, count: int, at: int, *, gone: bool) -> None:
        """So many that were promised are gone, or are given back."""
        self._promised -= count
        if gone:
            self._gone.append((at, count))
            self._gone_lately += count
        else:
            self._tokens += count * _ONE

    def hold(self, until: int) -> None:
        """A target was held back, and cannot go on before `until`."""
        self._held = max(self._held, until)

    def over(self, at: int) -> bool:
        """Whether it has done its work."""
        return at - self._held >= self._quiet or at - self._began >= LONGEST


class Promise(Struct, frozen=True):
    """Replicas that one target may lose; to be settled once it is known whether they went."""

    thaw: Thaw
    count: int

    def settle(self, at: int, *, gone: bool) -> None:
        """They are gone, or are given back."""
        self.thaw.settle(self.count, at, gone=gone)
