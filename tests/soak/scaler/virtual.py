"""Hours of virtual time: two whole scalers in this process, ended again and again.

Nothing waits but for the loop's own clock, so the same seed brings the same weather and the same
deeds of people. After each bad spell there is a calm one, at whose end the statuses must know of
the last scalings; at the very end they must say what is so.
"""

import asyncio
import contextlib
import gc
from random import Random
from typing import Final

from kube.vocab.times import SECOND, parse_rfc3339
from sandbox.apiserver.kinds.resources import EVENTS
from tests.integration.scaler.manifests import NAMESPACE
from tests.integration.scaler.world import World
from tests.soak.scaler.consumers import METRIC
from tests.soak.scaler.held import CONNECTIONS, Look, look, trend, works
from tests.soak.scaler.lives import Lives, Log
from tests.soak.scaler.mishaps import Mishaps
from tests.soak.scaler.plan import Plan, Say
from tests.soak.scaler.report import Report
from tests.soak.scaler.site import Site
from tests.soak.scaler.weather import API_FAULTS, METRIC_FAULTS, Spell, spell

CALM: Final = 150.0
"""Seconds of good weather after each spell: an evaluation that was under way, backoff, the minute
that values wait for."""
SETTLED: Final = 600.0
"""The same at the end: windows and delays are over, the loads have not changed since."""
LONGEST: Final = 240.0
"""Seconds of one spell."""
WARM: Final = 0.25
"""The part of the time in which caches, connections and the recorders' hour fill."""
PAUSES: Final = (5.0, 40.0)
"""Seconds between two mishaps."""
EVENTS_LAST: Final = 3600 * SECOND
EVERY: Final = 300.0
"""Seconds between two looks at what is held."""


class Run:
    """One soak."""

    def __init__(self, plan: Plan, w: World, say: Say) -> None:
        self.site = Site(w, plan.consumers, plan.seed, plan.seconds)
        self.lives = Lives(self.site, Random(self.site.random.random()))
        self.mishaps = Mishaps(self.site, Random(self.site.random.random()), PAUSES)
        self.log = Log(self.site)
        self.looks: list[Look] = []
        self._random = Random(self.site.random.random())
        self._plan = plan
        self._say = say

    async def run(self) -> None:
        """All of it; what went wrong is in the site's judge."""
        loop = asyncio.get_running_loop()
        judge = self.site.judge
        loop.set_exception_handler(
            lambda _, context: judge.problem(f"unhandled: {context.get('exception')!r} {context}")
        )
        w = self.site.w
        w.metrics.series[METRIC] = []
        w.metrics.answer = self.site.answer
        await self.site.populate()
        before = works()
        with contextlib.redirect_stderr(self.log):
            for _ in range(2):
                await self.lives.start()
            await self._live()
            await self._settle()
            for running in tuple(self.lives.running):
                await self.lives.end(running, kill=False)
        await w.eventually(lambda: works() == before, within=600)
        loop.set_exception_handler(None)

    def report(self) -> Report:
        """What came of it."""
        warm = self.looks[round(len(self.looks) * WARM) :]
        trends = [
            trend("live objects of the scaler's classes", [one.objects for one in warm]),
            trend("memory with the cluster (MiB)", [one.resident for one in warm]),
            trend("tasks", [one.tasks for one in warm], CONNECTIONS),
            trend("descriptors", [one.descriptors for one in warm], CONNECTIONS),
        ]
        counts = {
            "Answers and scalings": self.site.judge.counts,
            "Faults met": self.site.weather.met,
            "Mishaps": self.mishaps.done,
            "Scalers ended": self.lives.ended,
            "Evaluations by rule": self.lives.evaluations,
        }
        return Report("virtual", self._plan, trends, counts, self.site.judge.problems)

    async def _live(self) -> None:
        """Bad weather and good in turn, mishaps all the time."""
        works = (self.lives.run(), self.mishaps.run(), self._watch())
        tasks = [asyncio.create_task(work) for work in works]
        while self.site.w.clock.now() < self.site.calm_at:
            self._turn(spell(self._random, LONGEST, (*API_FAULTS, *METRIC_FAULTS)))
            await asyncio.sleep(self.site.weather.now.seconds)
            self._turn(Spell(0, {}))
            await asyncio.sleep(CALM)
            self.site.check()
        for task in tasks:
            if task.done():
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self) -> None:
        """Good weather, nobody does anything, until nothing changes any more."""
        for _ in range(2 - len(self.lives.running)):
            await self.lives.start()
        await self.mishaps.mend()
        await asyncio.sleep(SETTLED)
        await self.site.settle(SETTLED)

    def _turn(self, spell: Spell) -> None:
        self.site.weather.turns(spell)
        left = (self.site.calm_at - self.site.w.clock.now()) / SECOND
        self._say(f"{max(0, left) / 60:4.0f} min left, {spell}")

    def _expire_events(self) -> None:
        """Kubernetes keeps events for an hour, the sandbox for ever."""
        store = self.site.w.store
        for event in store.list(EVENTS, NAMESPACE):
            if self.site.w.clock.now() - parse_rfc3339(event["lastTimestamp"]) > EVENTS_LAST:
                store.delete(EVENTS, NAMESPACE, event["metadata"]["name"])

    async def _watch(self) -> None:
        """Look at what is held, and forget what the cluster remembers for tests."""
        while True:
            await asyncio.sleep(EVERY)
            w = self.site.w
            for forgotten in (w.calls, w.metrics.asked):
                forgotten.clear()
            self._expire_events()
            w.store.compact()
            gc.collect()
            self.looks.append(look())
