"""Row 002 played against the whole scaler and a list-watch of pods, in virtual time.

The target's kind has no controller here: its pods and its status are what the steps say.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from aiohttp import web

from kube.client.configuration import load_credentials
from kube.client.reflector import Reflector
from kube.client.requests import Resource, list_of
from kube.client.transport import ApiClient
from kube.vocab.times import SECOND, Millis
from sandbox.apiserver.kinds.definitions import defined_resources
from sandbox.apiserver.kinds.resources import DEFINITIONS, LEASES
from tests.e2e.scaler.objects import definition
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.gate import Call
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, shipped
from tests.integration.scaler.pages import shown
from tests.integration.scaler.world import LEASE, SYSTEM, World, world
from tests.scenarios.moved_pods import Object, PodsApi, Storage
from tests.unit.kube.client.reflecting import Recorder
from tests.unit.kube.client.scripted import Widget

PODS: Final = Resource("", "v1", "pods")
PATH: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
WATCHER: Final = "pod-watch"
TARGET: Final = "web"
LEASE_PATH: Final = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{LEASE}"


class Split:
    """The world, what stands before it, and the words of the steps. Second 0 is `start`."""

    def __init__(self, w: World, old: Storage, stack: AsyncExitStack) -> None:
        self.world = w
        self.old = old
        self.pods = PodsApi(w.clock, PATH, old)
        self.sink = Recorder()
        self.start: Millis = 0
        self.leader: Running
        self.watcher: Reflector[Widget]
        self._stack = stack
        self._turns: list[tuple[Millis, str, str]] = []
        self._connections: set[asyncio.Transport] = set()
        self._away = False
        w.faults.extend((self._outage, self.pods.answer))

    # Time

    async def at(self, second: float) -> None:
        """Wait until then."""
        await self.world.until(self.start + round(second * SECOND))

    # Acting

    def pod(self, number: int) -> Object:
        """A Ready pod of the target."""
        uid = self.world.store.get(self._targets, NAMESPACE, TARGET)["metadata"]["uid"]
        owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": TARGET}
        meta = {"name": f"pod-{number}", "namespace": NAMESPACE, "uid": f"u-{number}"}
        status = {
            "phase": "Running",
            "startTime": "2026-01-31T00:00:00Z",
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        return {
            "metadata": meta | {"ownerReferences": [owner | {"uid": uid}]},
            "status": status,
        }

    def report(self, running: int) -> None:
        """The status that the target's controller writes."""
        found = self.world.store.get(self._targets, NAMESPACE, TARGET)
        found["status"] = {"replicas": running, "selector": f"app={TARGET}"}
        self.world.store.update(self._targets, NAMESPACE, TARGET, found, "status")

    def go_away(self) -> None:
        """The API server ends: all connections break, and new ones."""
        self._away = True
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    def come_back(self, *storages: Storage) -> None:
        """It is there again, and has its pods from there."""
        self._away = False
        self.pods.serve(*storages)

    def lose_lease(self) -> None:
        """The daemons' lease is gone with its storage: reads say so, writes conflict."""
        self.world.store.delete(LEASES, SYSTEM, LEASE)

        async def conflict(request: web.Request) -> web.Response | None:
            gone = self.world.store.find(LEASES, SYSTEM, LEASE) is None
            if gone and request.method == "PUT" and request.path == LEASE_PATH:
                return web.json_response({"kind": "Status", "code": 409}, status=409)
            return None

        self.world.faults.append(conflict)

    # Looking

    @property
    def replicas(self) -> int:
        """The count that is asked of the target."""
        return int(self.world.store.get(self._targets, NAMESPACE, TARGET)["spec"]["replicas"])

    def scale_writes(self) -> list[tuple[int, int]]:
        """In which evaluation, by its quarter of a minute, the count was written, and the answers'
        codes.
        """
        calls = self.world.writes("PUT", "/scale")
        return [(int((call.at - self.start) / SECOND) // 15 * 15, call.code) for call in calls]

    def lists(self) -> list[float]:
        """When the list-watch asked for a list."""
        asked = [one for one in self.pods.asked if (one.agent, one.verb) == (WATCHER, "list")]
        return [(one.at - self.start) / SECOND for one in asked]

    def writers(self) -> set[str]:
        """Tokens of the scalers that wrote something but a lease since second 0."""
        calls = [call for call in self.world.calls if call.agent == "wpa-controller"]
        return {call.token for call in calls if call.at >= self.start and _changes(call)}

    def lease_answers(self, second: float) -> set[tuple[str, int]]:
        """How questions about the lease were answered since that second."""
        since = self.start + round(second * SECOND)
        asked = [call for call in self.world.calls if "/leases" in call.path and call.at >= since]
        return {(call.method, call.code) for call in asked}

    def turns(self, second: float) -> list[tuple[float, str, str]]:
        """When, since that second, which condition of the autoscaler became what."""
        seen = [((at - self.start) / SECOND, kind, state) for at, kind, state in self._turns]
        return [turn for turn in seen if turn[0] >= second]

    async def page(self) -> Object:
        """What the leader shows of the autoscaler."""
        return (await shown(self.leader))[TARGET]

    # Setting up

    @property
    def _targets(self) -> Any:
        found = self.world.store.get(DEFINITIONS, "", "rollouts.argoproj.io")
        return next(iter(defined_resources(found)))

    async def set_up(self, replicas: int, running: int, value: float, **spec: Any) -> None:
        """A target of that count with so many pods, its autoscaler, two scalers, a list-watch.

        Second 0 is such that the scaler evaluates at 1, 16, 31 … 181.
        """
        w = self.world
        await w.apply(definition("argoproj.io", "Rollout"))
        await w.apply(*shipped("examples/custom-target-rbac.yaml"))
        target = {"metadata": {"name": TARGET}, "spec": {"replicas": replicas}}
        w.store.create(self._targets, NAMESPACE, target)
        for number in range(1, running + 1):
            self.old.add(self.pod(number), self.old.version)
        self.report(running)
        reference = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": TARGET}
        w.metrics.show("backlog", value)
        windows = {"upscaleForbiddenWindowSeconds": 1, "downscaleForbiddenWindowSeconds": 1}
        await w.apply(autoscaler(TARGET, scaleTargetRef=reference, **(windows | spec)))
        self._follow(self._note_conditions())
        self.leader = await w.scaler(leader_election=True)
        await w.until(w.clock.now() + 5 * SECOND)
        await w.scaler(leader_election=True)
        self.start = w.turn(TARGET, after=60) - SECOND
        await w.until(self.start)
        credentials = await load_credentials(str(w.cluster.kubeconfig), clock=w.clock)
        client = ApiClient(credentials, user_agent=WATCHER, qps=0, clock=w.clock)
        await self._stack.enter_async_context(client)
        self.watcher = Reflector(
            client, list_of(PODS, NAMESPACE), msgspec.json.Decoder(Widget), self.sink,
            clock=w.clock, random=Random(2),
        )  # fmt: skip
        self._follow(self.watcher.run())

    def _follow(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._stack.callback(task.cancel)

    async def _note_conditions(self) -> None:
        last: dict[str, str] = {}
        async for event in self.world.store.watch(self.world.wpas):
            for one in (event.object.get("status") or {}).get("conditions") or ():
                if last.get(one["type"]) != one["status"]:
                    last[one["type"]] = one["status"]
                    self._turns.append((self.world.clock.now(), one["type"], one["status"]))

    async def _outage(self, request: web.Request) -> web.Response | None:
        if request.transport is not None and self._away:
            request.transport.abort()
        elif request.transport is not None:
            self._connections.add(request.transport)
        return web.Response(status=503) if self._away else None


def _changes(call: Call) -> bool:
    return call.method != "GET" and "/leases" not in call.path


@asynccontextmanager
async def split(
    folder: Path, *, replicas: int, running: int, value: float, **spec: Any
) -> AsyncIterator[Split]:
    """Ready at second 0."""
    async with world(folder) as w, AsyncExitStack() as stack:
        made = Split(w, Storage(1_000_000), stack)
        await made.set_up(replicas, running, value, **spec)
        yield made
