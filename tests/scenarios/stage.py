"""A scenario on stage: cluster, target, pods, metrics and a whole scaler, in virtual time.

Second 0 is the first evaluation that the scaler makes; the others follow every 15 s.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from kube.vocab.times import SECOND, Millis, format_rfc3339
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, Object
from scaler.shell.ticker import phase
from tests.integration.scaler.backend import Series
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.manifests import deployment
from tests.integration.scaler.pages import Scrape, scrape, shown
from tests.integration.scaler.world import World, world
from tests.scenarios.kubelet import PLAYED, TEMPLATE, Habits, Kubelet, is_serving
from tests.scenarios.pod_metrics import PodMetrics
from tests.scenarios.scenario import Curve, Scenario

PERIOD = 15
HOUR = 3600 * SECOND

Prepare = Callable[["Stage"], None]


class Stage:
    """Everything of one scenario. Objects are read straight from the store."""

    def __init__(self, w: World, scenario: Scenario) -> None:
        self.world = w
        self.scenario = scenario
        self.object = scenario.object()
        self.namespace, self.name = scenario.wpa.split("/")
        self.target = self.object["spec"]["scaleTargetRef"]["name"]
        pods = scenario.pods
        habits = Habits(pods.start_after_s, pods.ready_after_s, not pods.no_start_time)
        self.kubelet = Kubelet(w.store, habits)
        self.series: dict[str, Series] = {}
        self.cpu = Series({}, scenario.cpu_demand_cores)
        self.scaler: Running
        self.start: Millis = 0

    # Time

    async def at(self, second: int) -> None:
        """Wait until the evaluation of that second is over, and do what people do meanwhile."""
        for moment, count in self.scenario.by_hand:
            if self._now() < moment < second:
                await self.world.until(self.start + moment * SECOND + SECOND)
                self.set_replicas(count)
        await self.world.until(self.start + second * SECOND + SECOND)

    async def play(self) -> None:
        """To the end of the scenario."""
        await self.at(self.scenario.until)

    def _now(self) -> float:
        return (self.world.clock.now() - self.start) / SECOND

    # Acting

    def set_replicas(self, count: int) -> None:
        """What `kubectl scale` does."""
        self.change_target(lambda found: found["spec"].update(replicas=count))

    def change_target(self, change: Callable[[Object], Any]) -> None:
        """Write the target's Deployment back after `change`."""
        found = self.world.store.get(DEPLOYMENTS, self.namespace, self.target)
        change(found)
        self.world.store.update(DEPLOYMENTS, self.namespace, self.target, found)

    def restart(self, **strategy: Any) -> None:
        """What `kubectl rollout restart` does; `strategy` are limits of the rollout."""

        def change(found: Object) -> None:
            now = format_rfc3339(self.world.clock.now())
            template = found["spec"]["template"]["metadata"]
            template["annotations"]["kubectl.kubernetes.io/restartedAt"] = now
            if strategy:
                found["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": strategy}

        self.change_target(change)

    # Looking

    def curve(self) -> Curve:
        """All changes of the target's count, by the evaluation that made them."""
        changes = self.world.curve(self.target, self.start)
        return [(int(at) // PERIOD * PERIOD, count) for at, count in changes]

    def pods(self) -> list[Object]:
        """The pods of the namespace."""
        return self.world.store.list(PODS, self.namespace)

    def status(self) -> Object:
        """The autoscaler's status as stored."""
        found = self.world.store.get(self.world.wpas, self.namespace, self.name)
        return dict(found.get("status") or {})

    def condition(self, kind: str) -> Object:
        """One of its conditions; empty where there is none."""
        found = self.status().get("conditions") or []
        return next((dict(one) for one in found if one["type"] == kind), {})

    def events(self, reason: str) -> list[str]:
        """The messages of the events on it with that reason."""
        return [
            one["message"]
            for one in self.world.store.list(EVENTS, self.namespace)
            if one["involvedObject"]["name"] == self.name and one["reason"] == reason
        ]

    async def page(self) -> Object:
        """What the scaler shows of it."""
        return (await shown(self.scaler))[self.name]

    async def scrape(self) -> Scrape:
        """The scaler's `/metrics`."""
        return await scrape(self.scaler)

    # Setting up

    async def set_up(self, stack: AsyncExitStack, prepare: Prepare) -> None:
        """Make the world as it is at second 0; `stack` ends what is started."""
        self._make_room()
        stack.push_async_callback(_ended, asyncio.create_task(self.kubelet.run()))
        self._deploy()
        await self._follow_metrics(stack)
        prepare(self)
        await self.world.eventually(self._settled)
        self.kubelet.settled = False
        await self._apply()
        await self._start_scaler()

    def _make_room(self) -> None:
        store = self.world.store
        if store.find(NAMESPACES, "", self.namespace) is None:
            store.create(NAMESPACES, "", {"metadata": {"name": self.namespace}})
        if self.scenario.pods.max_schedulable is not None:
            for number, node in enumerate(store.list(NODES)):
                room = 0 if number else self.scenario.pods.max_schedulable
                node["status"]["allocatable"]["pods"] = str(room)
                store.update(NODES, "", node["metadata"]["name"], node, "status")

    def _deploy(self) -> None:
        self.deploy(self.target, self.scenario.pods.initial, TEMPLATE, played=True)
        foreign = self.scenario.foreign_pods
        if foreign is not None:
            assert not foreign.ready, "foreign pods that are Ready are not played"
            self.deploy(f"{self.target}-foreign", foreign.count, {"ready_after": "never"})

    def deploy(
        self, name: str, count: int, script: dict[str, str], *, played: bool = False
    ) -> None:
        """Create a Deployment whose pods are under the selector of the target's."""
        made = deployment(name, count, self._labels(), **script)
        made["metadata"]["namespace"] = self.namespace
        if played:
            made["spec"]["template"]["metadata"]["annotations"][PLAYED] = "true"
        self.world.store.create(DEPLOYMENTS, self.namespace, made)

    def _labels(self) -> dict[str, str]:
        """The pods' labels: what Resource metrics select, else the target's name."""
        for metric in self.object["spec"]["metrics"]:
            if metric["type"] == "Resource":
                return dict(metric["resource"]["metricSelector"]["matchLabels"])
        return {"app": self.target}

    async def _follow_metrics(self, stack: AsyncExitStack) -> None:
        for metric in self.object["spec"]["metrics"]:
            if metric["type"] == "External":
                name = metric["external"]["metricName"]
                labels = metric["external"]["metricSelector"]["matchLabels"]
                steps = self.scenario.series[name]
                self.series[name] = self.world.metrics.follow(name, steps, **labels)
        if self.scenario.cpu_demand_cores:
            server = PodMetrics(self.world, self.cpu, self.scenario.cpu_limit_cores)
            await stack.enter_async_context(server.serving())

    def _settled(self) -> bool:
        serving = sum(is_serving(pod) for pod in self.pods())
        room = self.scenario.pods.max_schedulable
        initial = self.scenario.pods.initial
        return serving == (initial if room is None else min(initial, room))

    async def _apply(self) -> None:
        """The object, with a turn in the first half of a second.

        Statuses tell whole seconds: where a little lateness reaches the next one, a window of n
        periods ends an evaluation later, which scenarios allow and curves do not.
        """
        store = self.world.store
        while True:
            await self.world.apply(self.object)
            made = store.get(self.world.wpas, self.namespace, self.name)
            if phase(made["metadata"]["uid"], PERIOD * SECOND) % SECOND < SECOND // 2:
                return
            store.delete(self.world.wpas, self.namespace, self.name)

    async def _start_scaler(self) -> None:
        """A scaler whose first evaluation is at second 0, an hour after the last scaling.

        Objects of its first list wait for their turn, so it starts just after one and second 0 is
        the next.
        """
        store, wpas, now = self.world.store, self.world.wpas, self.world.clock.now()
        found = store.get(wpas, self.namespace, self.name)
        count = self.scenario.pods.initial
        found["status"] = {
            "currentReplicas": count,
            "desiredReplicas": count,
            "lastScaleTime": format_rfc3339(now - HOUR),
        }
        store.update(wpas, self.namespace, self.name, found, "status")
        period = PERIOD * SECOND
        turn = now + (phase(found["metadata"]["uid"], period) - now) % period
        self.start = turn + period
        for series in (self.cpu, *self.series.values()):
            series.start = self.start
        await self.world.until(turn + SECOND)
        self.scaler = await self.world.scaler()


@asynccontextmanager
async def staged(
    folder: Path, scenario: Scenario, prepare: Prepare = lambda _stage: None
) -> AsyncIterator[Stage]:
    """The scenario ready to play; `prepare` may change things before the pods settle."""
    async with world(folder) as w, AsyncExitStack() as stack:
        stage = Stage(w, scenario)
        await stage.set_up(stack, prepare)
        yield stage


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
