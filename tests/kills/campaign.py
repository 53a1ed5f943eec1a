"""Lives of a small fleet whose scalers are killed all the time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from aiohttp import web
from msgspec import Struct, field

from kube.vocab.times import SECOND, Millis, parse_rfc3339, whole_seconds
from tests.integration.scaler.gate import token_of
from tests.integration.scaler.world import World, world
from tests.kills.course import Course, again, courses, metric_of, prepare
from tests.kills.killer import SCALE_WRITE, STATUS_WRITE, Fate, Killer, Wanted, asks
from tests.kills.verdict import Life, problems

PATIENCE: Final = 30.0
"""Seconds that a kill waits for its request; then any one will do."""
DAY: Final = 24 * 3600.0
"""Seconds that a life takes at most: one that does not follow its loads would never end."""

Reference = tuple[list[Course], dict[str, list[int]]]


class Crew(Struct, frozen=True):
    """How many scalers there are at a time, how soon one that died is replaced, and how long it
    takes until the new one has its share.
    """

    title: str
    scalers: int
    away: float
    settles: float = 0.0
    settings: dict[str, Any] = {}


CREWS: Final = (
    Crew("a leader and a follower", 2, 3.0),
    # Who holds a shard that falls to the new one yields, lets go, and only then is it taken.
    Crew("two with two shards", 2, 3.0, 6.0, {"shards": 2}),
    Crew("one alone", 1, 8.0),
)


class Outcome(Struct):
    """What came of one life."""

    crew: Crew
    deaths: int = 0
    changes: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Fleet:
    """The objects of one life, and what is seen of them."""

    def __init__(self, w: World, members: list[Course]) -> None:
        self.world = w
        self.members = members
        self.killer = Killer(w)
        self.evidence: dict[str, list[Millis]] = {one.name: [] for one in members}
        self._metrics = {metric_of(one.name): self.evidence[one.name] for one in members}
        w.echoes.append(self._looked)

    def _looked(self, request: web.Request) -> bool:
        metric = request.path.rpartition("/")[2]
        if metric in self._metrics and not self.killer.dead(token_of(request)):
            self._metrics[metric].append(self.world.clock.now())
        return False

    def changes(self, course: Course) -> list[tuple[Millis, int]]:
        """The counts that were accepted, without the one at the start."""
        return self.world.scaled[course.name][1:]


@asynccontextmanager
async def _fleet(folder: Path, members: list[Course]) -> AsyncIterator[Fleet]:
    async with world(folder) as w:
        for one in members:
            prepare(w, one)
        await w.until(w.clock.now() + 5 * SECOND)
        await w.apply(*(one.timing.manifest(one.name) for one in members))
        yield Fleet(w, members)


async def undisturbed(folder: Path, random: Random, loads: int) -> Reference:
    """Courses of so many loads with their ends, and each one's counts in a life without kills."""
    members = courses(random, loads)
    async with _fleet(folder, members) as fleet:
        await _hire(fleet.world, CREWS[0])
        await asyncio.gather(*(one.run(fleet.world, random) for one in members))
        counts = {one.name: [count for _, count in fleet.changes(one)] for one in members}
    return members, counts


async def disturbed(folder: Path, crew: Crew, reference: Reference, random: Random) -> Outcome:
    """One life with a kill every few seconds."""
    members, expected = again(reference[0]), reference[1]
    outcome = Outcome(crew)
    async with _fleet(folder, members) as fleet:
        w = fleet.world
        begin = w.clock.now()
        try:
            await _live(fleet, crew, random)
        except TimeoutError:
            outcome.problems.append("after a day not all loads were followed")
        # Whoever is left writes down what the last one could not.
        await _hire(w, crew)
        await w.until(w.clock.now() + 60 * SECOND)
        outcome.seconds = (w.clock.now() - begin) / SECOND
        outcome.deaths = len(fleet.killer.deaths)
        outcome.kinds = Counter(death.kind for death in fleet.killer.deaths)
        for one in members:
            outcome.changes += len(fleet.changes(one))
            outcome.problems += _judge(fleet, one, crew, expected[one.name])
    return outcome


async def _live(fleet: Fleet, crew: Crew, random: Random) -> None:
    for _ in range(crew.scalers):
        await _hire(fleet.world, crew)
    murders = asyncio.create_task(_murders(fleet, crew, random))
    try:
        async with asyncio.timeout(DAY):
            await asyncio.gather(*(one.run(fleet.world, random) for one in fleet.members))
    finally:
        murders.cancel()
        await asyncio.wait([murders])


def _judge(fleet: Fleet, course: Course, crew: Crew, expected: list[int]) -> list[str]:
    changes = fleet.changes(course)
    deaths = [death.at for death in fleet.killer.deaths]
    away = round((crew.away + crew.settles) * SECOND)
    found = problems(Life(course, changes, fleet.evidence[course.name], deaths, away), expected)
    status, last = fleet.world.status(course.name), whole_seconds(changes[-1][0])
    if parse_rfc3339(status["lastScaleTime"]) != last:
        found.append(f"{course.name}: lastScaleTime is {status['lastScaleTime']}")
    # Where two scalers in a row came to scale, but not to say so, one of the two is not counted.
    untold = sum(f"/{course.name}/" in death.path for death in fleet.killer.deaths)
    if not len(changes) - untold // 2 <= status["scalingEventsCount"] <= len(changes):
        count = status["scalingEventsCount"]
        found.append(f"{course.name}: scalingEventsCount is {count} of {len(changes)}")
    return found


async def _hire(w: World, crew: Crew) -> None:
    await w.scaler(leader_election=True, log_level="error", **crew.settings)


async def _murders(fleet: Fleet, crew: Crew, random: Random) -> None:
    await asyncio.sleep(20)
    while True:
        await asyncio.sleep(random.choice([0.0, random.uniform(0, 15), random.uniform(15, 60)]))
        wanted, fate, times = _plan(random)
        for _ in range(times):
            await _murder(fleet.killer, wanted, fate)
            await asyncio.sleep(random.uniform(0, crew.away))
            await _hire(fleet.world, crew)


def _plan(random: Random) -> tuple[Callable[[], Wanted], Fate, int]:
    """What to wait for, what becomes of it, and how often in a row."""
    fate: Fate = random.choice(("lost", "done"))
    requests = random.randint(1, 25)
    choice = random.random()
    if choice < 0.35:
        return lambda: SCALE_WRITE, fate, 1
    if choice < 0.60:
        return lambda: STATUS_WRITE, fate, 1
    if choice < 0.70:
        return lambda: asks("PUT", "-lock"), fate, 1
    if choice < 0.95:
        return lambda: _nth(requests), fate, 1
    # One after the other, before they have looked at anything.
    return lambda: asks("GET", "/scale"), "lost", random.randint(3, 6)


async def _murder(killer: Killer, wanted: Callable[[], Wanted], fate: Fate) -> None:
    killer.lurk(wanted(), fate)
    try:
        async with asyncio.timeout(PATIENCE):
            await killer.done()
    except TimeoutError:
        killer.lurk(_nth(1), fate)
        await killer.done()


def _nth(number: int) -> Wanted:
    """The request with that number from now on."""
    left = [number]

    def wanted(_: web.Request) -> bool:
        left[0] -= 1
        return left[0] <= 0

    return wanted
