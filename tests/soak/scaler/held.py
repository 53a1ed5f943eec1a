"""What a process holds, and whether it stays the same."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from msgspec import Struct

from bench.processes import resident_mib

OURS: Final = ("scaler.", "kube.")
CONNECTIONS: Final = 10.0
"""Descriptors and tasks come and go with connections: so many more are no growth."""
FLAT: Final = 0.05
"""What is flat differs by so much at most between the time after that and the end (issue 7)."""


class Look(Struct, frozen=True):
    """One process at one moment. `objects` are those of the scaler's classes and of `kube`'s that
    the garbage collector knows; `resident` is in MiB, with the cluster around them.
    """

    objects: float
    resident: float
    tasks: float
    descriptors: float


def look() -> Look:
    """This process now."""
    objects = sum(str(type(one).__module__).startswith(OURS) for one in gc.get_objects())
    resident = resident_mib(os.getpid())
    return Look(objects, resident, len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")))


def works() -> Counter[str]:
    """The tasks of this process by what they run, but for the servers' open connections."""
    names = Counter(getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    del names["RequestHandler.start"]
    return names


class Trend(Struct, frozen=True):
    """How a figure went: medians of the first and the last third of the time after the warm-up."""

    name: str
    early: float
    late: float
    most: float
    slack: float | None
    """By how much more than `FLAT` it may grow, in its own unit; None is only to be shown."""

    @property
    def growth(self) -> float:
        """The change as a part of the early figure."""
        return self.late / self.early - 1 if self.early else 0.0

    @property
    def flat(self) -> bool:
        """Whether it stayed what it was; to become less is no harm."""
        return self.slack is None or self.late <= self.early * (1 + FLAT) + self.slack


def trend(name: str, figures: Sequence[float], slack: float | None = 0.0) -> Trend:
    """The trend of what was looked at evenly, after the warm-up."""
    third = max(1, len(figures) // 3)
    return Trend(name, median(figures[:third]), median(figures[-third:]), max(figures), slack)
