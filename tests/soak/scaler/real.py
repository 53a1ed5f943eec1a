"""Real time, real processes: wpa-adapter and two wpa-scalers before a cluster with bad weather.

The cluster and the Prometheus stand-in live in this process. The daemons are never ended: what they
hold is what is looked at (`virtual` ends scalers). In the warm-up connections are opened, every
object and every owner is read for the first time, and the interpreter's memory grows to what a full
round of evaluations, a relist and a storm of retries need.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
from aiohttp import web

from kube.vocab.times import SECOND, SystemClock
from sandbox.demo.processes import Children
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus
from tests.integration.scaler.manifests import NAMESPACE, shipped
from tests.integration.scaler.world import SYSTEM, World
from tests.ports import free_port
from tests.soak.scaler.mishaps import Mishaps
from tests.soak.scaler.plan import Plan, Say
from tests.soak.scaler.processes import LOOPBACK, Daemon, start_adapter, start_scaler
from tests.soak.scaler.prometheus import PROMETHEUS_FAULTS, RULES, Loads
from tests.soak.scaler.report import Report
from tests.soak.scaler.site import Site
from tests.soak.scaler.weather import API_FAULTS, METRICS, Spell, asked_for, spell

EVERY: Final = 5.0
"""Seconds between two looks."""
WARM_UP: Final = 300.0
"""Seconds that are not judged; of short runs a quarter."""
CALM: Final = 45.0
"""Seconds of good weather between two spells."""
LONGEST: Final = 60.0
"""Seconds of a spell."""
SETTLED: Final = 180.0
"""Seconds of good weather at the end: backoff, and the minute that values wait for."""
PAUSES: Final = (0.5, 3.0)
"""Seconds between two mishaps."""
START: Final = 600.0
"""Seconds that everything may take to start."""


class RealWorld(World):
    """A world whose metrics come from a process of their own."""

    async def serve_metrics(self) -> None:
        """That is `Run.start`'s."""


class Run:
    """One soak."""

    def __init__(self, plan: Plan, w: World, prometheus: FakePrometheus, say: Say) -> None:
        self.site = Site(w, plan.consumers, plan.seed, plan.seconds)
        self.mishaps = Mishaps(self.site, Random(self.site.random.random()), PAUSES)
        self.daemons: list[Daemon] = []
        self._random = Random(self.site.random.random())
        random = Random(self.site.random.random())
        self.loads = Loads(prometheus, self.site.consumers, w.clock, self.site.weather, random)
        self._prometheus = prometheus
        self._plan = plan
        self._say = say
        self._began = w.clock.now()
        w.witnesses.append(self._answered)

    async def start(self, folder: Path, children: Children) -> None:
        """The adapter behind the API server, the consumers, two scalers."""
        w = self.site.w
        port = free_port()
        service, api_service = shipped("adapter/service.yaml") + shipped("adapter/api-service.yaml")
        service["spec"] = {"type": "ExternalName", "externalName": "localhost"}
        api_service["spec"]["service"]["port"] = port
        for file in ("service-account", "rbac", "reader-roles"):
            await w.apply(*shipped(f"adapter/{file}.yaml"))
        rules = folder / "rules.yaml"
        rules.write_text(RULES)
        token = w.cluster.service_account_token(SYSTEM, "wpa-adapter")
        kubeconfig = w.kubeconfig(token=token)
        url = self._prometheus.url
        self.daemons.append(await start_adapter(children, port, kubeconfig, rules, url))
        # The API server looks at what an APIService leads to when it is made.
        await w.eventually(lambda: _listening(port), within=START)
        await w.apply(service, api_service)
        await self.site.populate()
        for number in (1, 2):
            token = w.cluster.service_account_token(SYSTEM, "wpa-scaler")
            kubeconfig = w.kubeconfig(token=token)
            self.daemons.append(await start_scaler(children, number, kubeconfig))

        wpas = w.wpas

        def known() -> bool:
            found = (w.store.find(wpas, NAMESPACE, name) for name in self.site.consumers)
            return all(wpa and wpa.get("status") for wpa in found)

        await w.eventually(known, within=START)

    async def run(self) -> None:
        """Weather and mishaps, then peace; what went wrong is in the site's judge."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            works = (self.mishaps.run(), self._watch(session))
            tasks = [asyncio.create_task(work) for work in works]
            mishaps, watch = tasks
            while self.site.w.clock.now() < self.site.calm_at:
                kinds = (*API_FAULTS, *PROMETHEUS_FAULTS)
                await self._lasts(spell(self._random, LONGEST, kinds))
                await self._lasts(Spell(CALM, {}))
            await _ended(mishaps)
            await self.mishaps.mend()
            await self._lasts(Spell(SETTLED, {}))
            await self.site.settle(SETTLED)
            await _ended(watch)
        for daemon in self.daemons:
            if not daemon.child.alive:
                self.site.judge.problem(f"{daemon.name} has ended")
            for line in daemon.crashes():
                self.site.judge.problem(f"{daemon.name}: {line}")

    def report(self) -> Report:
        """What came of it. Recorders fill for an hour, by design: memory is judged without them,
        by what the scalers' own series says that they hold.
        """
        warm = min(WARM_UP, self._plan.seconds / 4) / EVERY
        trends = [figure for daemon in self.daemons for figure in daemon.trends(warm)]
        counts = {
            "Answers and scalings": self.site.judge.counts,
            "Faults met": self.site.weather.met,
            "Mishaps": self.mishaps.done,
            "Queries of Prometheus": {"all": self.loads.queries},
        }
        return Report("real", self._plan, trends, counts, self.site.judge.problems)

    async def _lasts(self, spell: Spell) -> None:
        self.site.weather.turns(spell)
        since = (self.site.w.clock.now() - self._began) / SECOND
        memory = ", ".join(
            f"{one.name} {one.samples[-1].resident} MiB" for one in self.daemons if one.samples
        )
        self._say(f"{since / 60:4.1f} min, {spell}; {memory}")
        await asyncio.sleep(spell.seconds)

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        while True:
            w = self.site.w
            w.calls.clear()
            for daemon in self.daemons:
                try:
                    await daemon.look(session)
                except (aiohttp.ClientError, TimeoutError, OSError):
                    self.site.judge.counts["looks missed"] += 1
            await asyncio.sleep(EVERY)

    async def _answered(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Whether the scaler is told of a metric; what it is told passes through unread."""
        if request.path.startswith(METRICS) and "labelSelector" in request.query:
            fault = "" if answer.status == 200 else f"code {answer.status}"
            self.site.judge.answered(asked_for(request), self.site.w.clock.now(), fault)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


async def _ended(task: asyncio.Task[None]) -> None:
    if task.done():
        task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def real(plan: Plan, folder: Path, say: Say) -> AsyncIterator[Run]:
    """A run with everything started; when the context closes, all processes are gone."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    children = Children(logs)
    async with RealWorld(folder / "cluster", SystemClock()).open() as w, fake_prometheus() as fake:
        await w.apply(
            *shipped("crd/datadoghq.com_watermarkpodautoscalers.yaml"),
            *shipped("scaler/service-account.yaml"),
            *shipped("scaler/rbac.yaml"),
        )
        run = Run(plan, w, fake, say)
        try:
            await run.start(folder, children)
            yield run
        finally:
            await children.stop_all()
