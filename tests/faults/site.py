"""One world with the six objects, the chain of the metric, and a scaler: ready for a fault."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from msgspec import Struct

from kube.service.settings import Address
from kube.vocab.times import SECOND, Clock, Millis, parse_rfc3339
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, PODS, Object
from tests.faults.chain import AdapterChain
from tests.faults.ear import AGENT, Ear
from tests.faults.judge import Pods
from tests.faults.plan import FAULT, FIRST_LOOK, PRELUDE, SCRAPES, STATES, State
from tests.faults.prometheus import Exporters
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.manifests import NAMESPACE, deployment, shipped
from tests.integration.scaler.pages import Scrape, scrape
from tests.integration.scaler.world import World
from tests.ports import free_port


class Use(Struct, frozen=True):
    """What the process uses."""

    tasks: int
    descriptors: int
    megabytes: float


class OffClock:
    """A clock of another machine, off by so many milliseconds."""

    def __init__(self, clock: Clock, off: int) -> None:
        self.off = off
        self._clock = clock

    def now(self) -> int:
        return self._clock.now() + self.off

    def monotonic(self) -> float:
        return self._clock.monotonic()


class Site(World):
    """A world whose metric comes from the real adapter, with an ear at its API server."""

    def __init__(self, folder: Path, clock: Clock, *, pace: int = 1) -> None:
        """Everything is `pace` times as fast as the plan says."""
        super().__init__(folder, clock)
        self._pace = pace
        self.states = tuple(state.quicker(pace) for state in STATES)
        self.seconds = FAULT / pace
        """How long the fault lasts."""
        self.begin = begin = clock.now() + PRELUDE * SECOND // pace
        """When the fault begins."""
        self.ended = begin
        """When it ended."""
        self.exporters = Exporters(self.loads)
        self.chain = AdapterChain(
            folder.parent, self.cluster, self.exporters, clock, SCRAPES / pace
        )
        self.metrics = self.chain
        self.scalers_clock = OffClock(clock, 0)
        self.usual: dict[str, Any] = {
            "clock": self.scalers_clock,
            "leader_election": True,
            "metrics_address": Address("127.0.0.1", free_port()),
            "health_port": free_port(),
        }
        self.ear = Ear(clock, self.pods_of, self.replicas)
        self.open_requests: dict[int, web.Request] = {}
        self.cluster.on_answer = self.ear.answering
        self.faults.append(self._overhear)

    def loads(self, at: Millis) -> dict[str, int]:
        """The true load of every object."""
        return {
            state.name: next(one.value for one in state.truth(self.begin)[::-1] if one.at <= at)
            for state in self.states
        }

    def pods_of(self, name: str) -> Pods:
        """The pods of a target as they are."""
        live = [pod for pod in self.pods(name) if not _gone(pod)]
        ready = [pod for pod in live if _ready(pod)]
        rules = next(state.rules for state in self.states if state.name == name)
        young = [pod for pod in ready if self._age(pod) < rules.readiness - SECOND]
        return Pods(len(live), len(ready), len(young))

    def pods(self, name: str = "") -> list[Object]:
        """Those of one target, or all."""
        return [
            pod
            for pod in self.store.list(PODS, NAMESPACE)
            if not name or (pod["metadata"].get("labels") or {}).get("app") == name
        ]

    async def prepare(self) -> None:
        """Until the fault begins: objects, a scaler, and what brings each into its state."""
        for state in self.states:
            self.deploy(deployment(state.name, state.replicas, None, **state.script))
        await self.until(self.begin - FIRST_LOOK * SECOND // self._pace)
        await self.apply(*(state.manifest() for state in self.states))
        await self.start_scaler()
        for state in self.states:
            if state.rollout is not None:
                await self.until(self.begin + round(state.rollout * SECOND))
                self._roll(state)
        await self.until(self.begin)

    async def scaler(self, *given: Any, **changes: Any) -> Running:
        """As everywhere, with a clock that may jump, and the ports of the one before it."""
        return await super().scaler(*given, **self.usual | changes)

    async def start_scaler(self) -> None:
        """One more."""
        await self.scaler()

    async def trouble(self) -> list[str]:
        """What the scalers have to say of themselves."""
        if self.running[-1].over:
            return ["the scaler ended"]
        return complaints(await scrape(self.running[-1]))

    async def end(self) -> None:
        """Before the world closes."""

    def cut(self, *, agent: str = AGENT) -> None:
        """Break the connections of all requests of `agent` that are under way, watches as well."""
        for request in tuple(self.open_requests.values()):
            if request.headers.get("User-Agent", "") == agent and request.transport is not None:
                request.transport.abort()

    async def _overhear(self, request: web.Request) -> None:
        await self.ear.before(request)
        task = asyncio.current_task()
        assert task is not None
        self.open_requests[id(request)] = request
        task.add_done_callback(lambda _: self.open_requests.pop(id(request), None))

    def _roll(self, state: State) -> None:
        found = self.store.get(DEPLOYMENTS, NAMESPACE, state.name)
        found["spec"]["template"]["metadata"]["annotations"]["rolled"] = "yes"
        self.store.update(DEPLOYMENTS, NAMESPACE, state.name, found)

    def _age(self, pod: Object) -> int:
        start = pod["status"].get("startTime") or pod["metadata"]["creationTimestamp"]
        return self.clock.now() - parse_rfc3339(start)


def _gone(pod: Object) -> bool:
    done = pod.get("status", {}).get("phase") in ("Failed", "Succeeded")
    return done or pod["metadata"].get("deletionTimestamp") is not None


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def complaints(page: Scrape) -> list[str]:
    """Evaluations that ended as none should."""
    return [
        f"an evaluation ended by {rule}"
        for rule in ("crash", "deadline")
        if page.values("wpa_scaler_evaluations_total", rule=rule)
    ]


def use() -> Use:
    """What the process uses now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    megabytes = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Use(len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), megabytes)


@asynccontextmanager
async def opened(made: Site) -> AsyncIterator[None]:
    """While it is open; the shipped CRD and rights are there."""
    async with made.open():
        await made.apply(
            *shipped("crd/datadoghq.com_watermarkpodautoscalers.yaml"),
            *shipped("scaler/service-account.yaml"),
            *shipped("scaler/rbac.yaml"),
        )
        try:
            yield
        finally:
            await made.end()
