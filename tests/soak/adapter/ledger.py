"""What the autoscalers got, and what it cost the process."""

import asyncio
import os
import resource
from collections import Counter
from pathlib import Path
from statistics import median

from msgspec import Struct

_PAGE = resource.getpagesize()


class Look(Struct, frozen=True):
    """The process at one moment."""

    memory: float
    """Resident, in MB."""
    descriptors: int
    tasks: int


class Ledger:
    """Counts of outcomes, the oldest value, problems, and looks at the process."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.oldest = 0.0
        self.problems: list[str] = []
        self.looks: list[Look] = []

    def value(self, age: float) -> None:
        """A value was read that is `age` seconds old."""
        self.outcomes["value"] += 1
        self.oldest = max(self.oldest, age)

    def problem(self, text: str) -> None:
        """Something happened that must not."""
        if len(self.problems) < 20:
            self.problems.append(text)

    def look(self) -> None:
        """Take note of what the process uses."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(os.listdir("/proc/self/fd"))
        self.looks.append(Look(pages * _PAGE / 2**20, files, len(asyncio.all_tasks())))

    def growth(self) -> Look:
        """What the last quarter uses more than the second one: the first warms up."""
        quarter = max(1, len(self.looks) // 4)
        second, last = self.looks[quarter : 2 * quarter] or self.looks, self.looks[-quarter:]
        return Look(
            median(one.memory for one in last) - median(one.memory for one in second),
            round(median(one.descriptors for one in last) - median(o.descriptors for o in second)),
            round(median(one.tasks for one in last) - median(one.tasks for one in second)),
        )

    def table(self) -> str:
        """The report."""
        first, last, growth = self.looks[0], self.looks[-1], self.growth()
        rows = [
            *sorted((name, f"{count}") for name, count in self.outcomes.items()),
            ("oldest value", f"{self.oldest:.2f} s"),
            ("memory", f"{first.memory:.0f} -> {last.memory:.0f} MB, steady {growth.memory:+.1f}"),
            ("descriptors", f"{first.descriptors} -> {last.descriptors}"),
            ("most tasks", f"{max(one.tasks for one in self.looks)}"),
            ("problems", f"{len(self.problems)}"),
        ]
        return "\n".join(f"{name:<28} {value}" for name, value in rows)
