"""What the load of one object does: up and down, each time as far as it leads.

A load stays until the count is where it leads to, then the next one comes. So which counts are
written depends on the loads alone, and no kill changes it; kills only take time.
"""

import asyncio
from random import Random
from typing import Any, Final

from msgspec import Struct, field

from kube.vocab.times import SECOND, Millis
from tests.integration.scaler.manifests import autoscaler, deployment, external
from tests.integration.scaler.world import World

FIRST: Final = 4
"""The count at the start."""
SETTLED: Final = 180.0
"""Seconds without a change after which nothing is left to do: more than window and delay."""


class Timing(Struct, frozen=True):
    """An autoscaler's windows and delays in seconds, its limits in percent."""

    up_window: int
    down_window: int
    up_delay: int
    down_delay: int
    up_limit: int
    down_limit: int

    def manifest(self, name: str) -> dict[str, Any]:
        """The autoscaler of that name, on a metric of its own."""
        return autoscaler(
            name,
            minReplicas=2,
            maxReplicas=16,
            upscaleForbiddenWindowSeconds=self.up_window,
            downscaleForbiddenWindowSeconds=self.down_window,
            upscaleDelayAboveWatermarkSeconds=self.up_delay,
            downscaleDelayBelowWatermarkSeconds=self.down_delay,
            scaleUpLimitFactor=self.up_limit,
            scaleDownLimitFactor=self.down_limit,
            metrics=[external(metric_of(name))],
        )


TIMINGS: Final = (
    Timing(20, 40, 0, 0, 50, 30),
    Timing(60, 30, 0, 75, 100, 50),
    Timing(45, 45, 40, 30, 50, 50),
    Timing(90, 75, 60, 0, 60, 25),
    Timing(1, 1, 45, 60, 40, 40),
)


class Load(Struct, frozen=True):
    """A load that came, and when."""

    value: int
    at: Millis


class Course(Struct):
    """One object, its loads in order, and what came of them."""

    name: str
    timing: Timing
    loads: tuple[int, ...]
    came: list[Load] = field(default_factory=list)
    ends: tuple[int, ...] = ()
    """The counts that the loads lead to; while they are not known, time tells."""

    async def run(self, w: World, random: Random) -> None:
        """Let the loads come, one after the other."""
        known = self.ends
        for number, value in enumerate(self.loads):
            await asyncio.sleep(random.uniform(0, 20))
            self.came.append(Load(value, w.clock.now()))
            w.metrics.show(metric_of(self.name), value)
            await self._settle(w, known[number] if known else None)

    async def _settle(self, w: World, end: int | None) -> None:
        since, before = w.clock.now(), w.replicas(self.name)
        while True:
            await asyncio.sleep(1)
            now = w.replicas(self.name)
            if now != before:
                since, before = w.clock.now(), now
            if end is None and w.clock.now() - since >= SETTLED * SECOND:
                self.ends += (now,)
                return
            if now == end:
                return


def courses(random: Random, length: int) -> list[Course]:
    """One for each timing, each of so many loads."""
    return [
        Course(f"web-{number}", timing, _loads(random, length))
        for number, timing in enumerate(TIMINGS)
    ]


def again(courses: list[Course]) -> list[Course]:
    """The same loads once more, to the ends that are known."""
    return [Course(one.name, one.timing, one.loads, ends=one.ends) for one in courses]


def prepare(w: World, course: Course) -> None:
    """Its Deployment, at rest."""
    w.deploy(deployment(course.name, FIRST))
    w.metrics.show(metric_of(course.name), FIRST * 500)


def metric_of(name: str) -> str:
    """Its metric."""
    return f"backlog-{name}"


def _loads(random: Random, length: int) -> tuple[int, ...]:
    """Loads that lead up and down by turns, by one step or by several."""
    found: list[int] = []
    low, high = 2, 16
    count = FIRST
    for number in range(length):
        if number % 2 == 0:
            count = random.randint(min(count + 2, high), high)
            found.append(count * 1000 - 300)
        else:
            count = random.randint(low, max(count - 2, low))
            found.append(count * 100 - 30)
    return tuple(found)
