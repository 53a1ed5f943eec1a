"""One cluster with aggregated metrics, and scalers that run against it in the same event loop.

With `@pytest.mark.looptime` time is the loop's own: an hour takes a second or two.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from msgspec import structs

from kube.client.configuration import load_credentials
from kube.client.requests import Patch, Resource, patch_of
from kube.client.transport import ApiClient
from kube.service.settings import Address
from kube.vocab.times import SECOND, Clock, LoopClock, Millis, parse_rfc3339
from sandbox.apiserver.kinds.definitions import defined_resources
from sandbox.apiserver.kinds.resources import (
    APISERVICES,
    DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    SERVICES,
    Object,
)
from sandbox.demo.apply import apply
from scaler.settings import Settings
from scaler.shell.ticker import phase
from tests.integration.scaler import backend
from tests.integration.scaler.backend import MetricsBackend
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.gate import Call, Gate, GatedCluster
from tests.integration.scaler.manifests import NAMESPACE, shipped
from tests.ports import free_port

EPOCH = parse_rfc3339("2026-01-31T12:00:00Z")
SYSTEM = "watermark-autoscaler"
LEASE = "watermarkpodautoscaler-lock"
AUTOSCALERS = Resource("datadoghq.com", "v1alpha1", "watermarkpodautoscalers")
TARGETS = Resource("apps", "v1", "deployments")


class World:
    """A cluster, its metrics and its scalers. Objects are read straight from the store."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.metrics = MetricsBackend(clock)
        gate = Gate(clock)
        self.calls, self.faults = gate.calls, gate.faults
        self.echoes, self.witnesses = gate.echoes, gate.witnesses
        self.scaled: dict[str, list[tuple[Millis, int]]] = {}
        """What each Deployment's count became, and when."""
        self.cluster = GatedCluster(folder, clock=clock, check_seconds=3600.0, gate=gate)
        self.store = self.cluster.store
        self.admin: ApiClient
        self.backend = AsyncExitStack()
        self.running: list[Running] = []
        self._folder = folder

    # Making things

    async def scaler(
        self, kubeconfig: Path | None = None, clock: Clock | None = None, **changes: Any
    ) -> Running:
        """Start a scaler that has the shipped rights and a token of its own; its `clock` may be
        wrong.
        """
        if kubeconfig is None:
            token = self.cluster.service_account_token(SYSTEM, "wpa-scaler")
            kubeconfig = self.kubeconfig(token=token)
        values: dict[str, Any] = {
            "kubeconfig": str(kubeconfig),
            "leader_election": False,
            "leader_election_namespace": SYSTEM,
        }
        if "metrics_address" not in changes:
            values["metrics_address"] = Address("127.0.0.1", free_port())
        if "health_port" not in changes:
            values["health_port"] = free_port()
        running = Running(Settings(**values | changes), clock or self.clock)
        self.running.append(running)
        return running

    def kubeconfig(self, **user: str) -> Path:
        """A file of its own for a user described in kubeconfig's terms: `token`, `tokenFile`."""
        path = self._folder / f"{len(list(self._folder.iterdir()))}.kubeconfig"
        content = yaml.safe_load(self.cluster.kubeconfig.read_text())
        content["users"][0]["user"] = user
        path.write_text(yaml.safe_dump(content))
        return path

    def deploy(self, manifest: Object) -> None:
        """Create a Deployment."""
        self.store.create(DEPLOYMENTS, NAMESPACE, manifest)

    async def apply(self, *manifests: Object) -> None:
        """What `kubectl apply --server-side` does."""
        await apply(self.admin, manifests)

    def put(self, wpa: Object) -> None:
        """Store an autoscaler as an older cluster would have: no rule of the CRD is asked."""
        self.store.create(structs.replace(self.wpas, schema=None), NAMESPACE, wpa)

    async def patch(self, name: str, body: bytes, resource: Resource = AUTOSCALERS) -> None:
        """A JSON merge patch."""
        await self.admin.send(patch_of(resource, NAMESPACE, name, body, Patch.MERGE))

    def uninstall(self) -> Object:
        """Take the CRD away; returns the manifest that brings it back."""
        manifest: Object
        (manifest,) = shipped("crd/datadoghq.com_watermarkpodautoscalers.yaml")
        self.store.delete(DEFINITIONS, "", manifest["metadata"]["name"])
        return manifest

    def set_replicas(self, name: str, replicas: int) -> None:
        """What `kubectl scale` does."""
        found = self.store.get(DEPLOYMENTS, NAMESPACE, name)
        found["spec"]["replicas"] = replicas
        self.store.update(DEPLOYMENTS, NAMESPACE, name, found)

    # Looking at things

    @property
    def wpas(self) -> Any:
        """The sandbox's resource of autoscalers."""
        name = f"{AUTOSCALERS.plural}.{AUTOSCALERS.group}"
        return next(iter(defined_resources(self.store.get(DEFINITIONS, "", name))))

    def replicas(self, name: str) -> int:
        """The count that is asked of a Deployment."""
        return int(self.store.get(DEPLOYMENTS, NAMESPACE, name)["spec"]["replicas"])

    def wpa(self, name: str) -> Object:
        """An autoscaler as stored."""
        return dict(self.store.get(self.wpas, NAMESPACE, name))

    def status(self, name: str) -> Object:
        """Its status."""
        return dict(self.wpa(name).get("status") or {})

    def condition(self, name: str, kind: str) -> Object:
        """One of its conditions; empty where there is none."""
        found = self.status(name).get("conditions") or []
        return next((dict(one) for one in found if one["type"] == kind), {})

    def events(self, name: str, *reasons: str) -> list[Object]:
        """The events on an autoscaler, of these reasons, oldest first."""
        found = [
            one
            for one in self.store.list(EVENTS, NAMESPACE)
            if one["involvedObject"]["name"] == name and (not reasons or one["reason"] in reasons)
        ]
        return sorted(found, key=lambda one: int(one["metadata"]["resourceVersion"]))

    def lease(self) -> Object:
        """The `spec` of the scalers' lease; empty where there is none."""
        found = self.store.find(LEASES, SYSTEM, LEASE)
        return dict(found["spec"]) if found else {}

    def writes(self, method: str, ending: str = "") -> list[Call]:
        """The scalers' requests of one method on paths with that ending."""
        return [
            call
            for call in self.calls
            if call.method == method
            and call.path.endswith(ending)
            and call.agent == "wpa-controller"
        ]

    # Time

    def turn(self, name: str, after: float = 0.0) -> Millis:
        """The autoscaler's first turn at least `after` seconds from now."""
        earliest = self.clock.now() + round(after * SECOND)
        period = 15 * SECOND
        return earliest + (phase(self.wpa(name)["metadata"]["uid"], period) - earliest) % period

    async def until(self, moment: Millis) -> None:
        """Sleep until then."""
        await asyncio.sleep(max(0, moment - self.clock.now()) / SECOND)

    async def eventually(self, what: Callable[[], Any], within: float = 60.0) -> None:
        """Wait until `what` is true."""
        async with asyncio.timeout(within):
            while not what():  # noqa: ASYNC110 - what is awaited belongs to another process
                await asyncio.sleep(0.1)

    def curve(self, name: str, start: Millis) -> list[tuple[float, int]]:
        """The changes of a Deployment's count after `start`: seconds since then, count."""
        return [((at - start) / SECOND, count) for at, count in self.scaled[name] if at >= start]

    # Inside

    @asynccontextmanager
    async def open(self) -> AsyncIterator["World"]:
        """Everything up; when it closes, all scalers have ended."""
        async with self.cluster, AsyncExitStack() as stack:
            credentials = await load_credentials(str(self.cluster.kubeconfig), clock=self.clock)
            self.admin = ApiClient(credentials, user_agent="admin", qps=0, clock=self.clock)
            await stack.enter_async_context(self.admin)
            self._prepare()
            await self.serve_metrics()
            stack.push_async_callback(self.backend.aclose)
            recorder = asyncio.create_task(self._record())
            try:
                yield self
            finally:
                recorder.cancel()
                for running in self.running:
                    if not running.over:
                        await running.kill()

    async def serve_metrics(self) -> None:
        """Put the metrics backend behind the API server, and wait until it is seen to live."""
        pki = self.cluster.pki
        pair = pki.serving_pair(backend.SERVICE, backend.NAMESPACE)
        serving = self.metrics.serving(pair, str(pki.front_proxy_ca))
        port = await self.backend.enter_async_context(serving)
        name = f"v1beta1.{backend.GROUP}"
        if self.store.find(APISERVICES, "", name) is not None:
            self.store.delete(APISERVICES, "", name)
        service = {"name": backend.SERVICE, "namespace": backend.NAMESPACE, "port": port}
        spec = {
            "group": backend.GROUP,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": base64.b64encode(pki.ca_pem).decode(),
            "service": service,
        }
        self.store.create(APISERVICES, "", {"metadata": {"name": name}, "spec": spec})

        def lives() -> bool:
            found = self.store.get(APISERVICES, "", name).get("status", {}).get("conditions", [])
            return any(one["type"] == "Available" and one["status"] == "True" for one in found)

        await self.eventually(lives)

    def _prepare(self) -> None:
        for name in (SYSTEM, NAMESPACE, backend.NAMESPACE):
            self.store.create(NAMESPACES, "", {"metadata": {"name": name}})
        lead = {"type": "ExternalName", "externalName": "127.0.0.1"}
        service = {"metadata": {"name": backend.SERVICE}, "spec": lead}
        self.store.create(SERVICES, backend.NAMESPACE, service)

    async def _record(self) -> None:
        async for event in self.store.watch(DEPLOYMENTS):
            meta, count = event.object["metadata"], event.object["spec"]["replicas"]
            history = self.scaled.setdefault(meta["name"], [])
            if not history or history[-1][1] != count:
                history.append((self.clock.now(), count))


@asynccontextmanager
async def world(folder: Path, clock: Clock | None = None) -> AsyncIterator[World]:
    """A cluster with the shipped CRD and the scaler's shipped rights; virtual time unless told."""
    async with World(folder / "cluster", clock or LoopClock(EPOCH)).open() as made:
        await made.apply(
            *shipped("crd/datadoghq.com_watermarkpodautoscalers.yaml"),
            *shipped("scaler/service-account.yaml"),
            *shipped("scaler/rbac.yaml"),
        )
        yield made
