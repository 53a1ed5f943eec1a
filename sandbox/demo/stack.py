"""The whole loop as processes: started step by step, each step proven before the next."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import msgspec
import trustme
import yaml
from msgspec import Struct

from kube.client.configuration import load_credentials
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from sandbox.demo import commands, objects
from sandbox.demo.apply import apply, service_account_kubeconfig
from sandbox.demo.commands import LOOPBACK, Files, Ports
from sandbox.demo.monitoring import write_monitoring
from sandbox.demo.observation import AUTOSCALERS, DEPLOYMENTS, Observer
from sandbox.demo.ports import free_ports
from sandbox.demo.processes import Child, Children
from sandbox.demo.shipped import manifests_folder
from sandbox.demo.waiting import StepFailed, wait_for
from sandbox.workload.script import Script, dump_script

PATIENCE: Final = 60.0
"""Seconds a step may take on a slow machine."""

_JSON: Final = msgspec.json.Decoder(dict[str, Any])

Step = tuple[str, Callable[[], Awaitable[None]]]


class Moment(Struct, frozen=True):
    """Where in its script the workload is; seconds."""

    phase: str = "?"
    left: float = 0.0
    elapsed: float = 0.0


class Stack:
    """The demo's processes and the ways to talk to them."""

    def __init__(
        self, folder: Path, children: Children, session: aiohttp.ClientSession, random: Random
    ) -> None:
        self.files = Files(folder)
        self.ports = Ports(*free_ports(len(Ports.__struct_fields__), random))
        self.children = children
        self._client: ApiClient | None = None
        self._session = session
        self._ca = trustme.CA(organization_name="watermark-autoscaler demo")

    def steps(self, script: Script, prometheus: str | None) -> list[Step]:
        """What to do, in order: a title and the work. Each may raise StepFailed, KubeError."""
        kind = f"real, {prometheus}" if prometheus else "the embedded stand-in"

        async def start_prometheus() -> None:
            await self.start_prometheus(prometheus)

        async def start_workload() -> None:
            self.files.script.write_text(dump_script(script))
            await self._start_workload()

        return [
            ("API server (wpa-sandbox serve)", self._start_api_server),
            ("CRD, namespaces, roles and ServiceAccounts", self._apply_basics),
            ("Deployments kodo-x and kodo-x-metric, same pod labels", self._apply_consumers),
            ("NSQ workload (wpa-sandbox workload)", start_workload),
            (f"Prometheus ({kind})", start_prometheus),
            ("wpa-adapter behind the API server (APIService)", self._start_adapter),
            ("wpa-scaler", self._start_scaler),
            ("WatermarkPodAutoscalers", self._apply_autoscalers),
        ]

    @property
    def client(self) -> ApiClient:
        """The administrator's client; there once the API server is."""
        if self._client is None:
            raise StepFailed("the API server was not started")
        return self._client

    async def close(self) -> None:
        """Stop every process."""
        if self._client is not None:
            await self._client.close()
        await self.children.stop_all()

    @property
    def observer(self) -> Observer:
        """How the demo looks at its autoscalers."""
        return Observer(self.client, self._session, _url(self.ports.scaler_metrics))

    async def script(self, *, restart: bool = False) -> Moment:
        """Where the workload's script is, after starting it over if asked."""
        method = "POST" if restart else "GET"
        url = f"{_url(self.ports.workload)}/script"
        async with self._session.request(method, url) as response:
            return Moment(**await response.json())

    async def start_prometheus(self, program: str | None) -> None:
        """Start Prometheus, the real one or without a program the stand-in, and wait for values."""
        daemons = {
            "wpa-adapter": self.ports.adapter_metrics,
            "wpa-scaler": self.ports.scaler_metrics,
        }
        write_monitoring(self.files.folder, self.ports.workload, daemons)
        child = await self.children.start(
            "prometheus", commands.prometheus(self.files, self.ports, program)
        )

        async def recorded() -> bool | None:
            url = f"{_url(self.ports.prometheus)}/api/v1/query"
            async with self._session.post(url, data={"query": "kodo:nsq_backlog:sum"}) as response:
                answer = await response.json()
            return len(answer["data"]["result"]) == 2 or None

        await wait_for(recorded, "backlog recorded per consumer", within=PATIENCE, child=child)

    async def _start_api_server(self) -> None:
        child = await self.children.start("api-server", commands.api_server(self.files, self.ports))

        async def written() -> bool | None:
            return self.files.kubeconfig.exists() or None

        await wait_for(written, "kubeconfig written", within=PATIENCE, child=child)
        credentials = await load_credentials(str(self.files.kubeconfig))
        self._client = ApiClient(credentials, user_agent="wpa-sandbox-demo", qps=0, retry_within=0)
        await self._answers("/readyz", child)

    async def _apply_basics(self) -> None:
        await apply(self.client, objects.definitions())
        await apply(self.client, objects.identities())
        await self._answers(AUTOSCALERS, self.children["api-server"])
        cluster = yaml.safe_load(self.files.kubeconfig.read_text())["clusters"][0]["cluster"]
        for name in (objects.ADAPTER, objects.SCALER):
            await service_account_kubeconfig(
                self.client,
                self.files.of_daemon(name),
                namespace=objects.SYSTEM_NAMESPACE,
                name=name,
                url=cluster["server"],
                ca_pem=(self.files.cluster / "ca.crt").read_bytes(),
            )

    async def _apply_consumers(self) -> None:
        await apply(self.client, objects.consumers())

        async def ready() -> bool | None:
            listed = await self.client.read(raw_get(DEPLOYMENTS), _JSON)
            counts = [(d["spec"]["replicas"], _ready(d)) for d in listed["items"]]
            return all(wanted == there for wanted, there in counts) or None

        api_server = self.children["api-server"]
        await wait_for(ready, "all pods Ready", within=PATIENCE, child=api_server)

    async def _start_workload(self) -> None:
        child = await self.children.start("workload", commands.workload(self.files, self.ports))

        async def pods_seen() -> bool | None:
            async with self._session.get(f"{_url(self.ports.workload)}/metrics") as response:
                return "container_cpu_usage_seconds_total{" in await response.text() or None

        await wait_for(pods_seen, "Ready pods seen", within=PATIENCE, child=child)

    async def _start_adapter(self) -> None:
        folder = self.files.folder
        pair = self._ca.issue_cert(objects.ADAPTER_HOST, "localhost", LOOPBACK)
        (folder / "adapter.key").touch(mode=0o600)
        pair.private_key_pem.write_to_path(str(folder / "adapter.key"))
        (folder / "adapter.crt").write_bytes(b"".join(b.bytes() for b in pair.cert_chain_pems))
        rules = manifests_folder() / "adapter" / "rules.yaml"
        (folder / "adapter-rules.yaml").write_bytes(rules.read_bytes())
        child = await self.children.start("wpa-adapter", commands.adapter(self.files, self.ports))
        ca_pem = self._ca.cert_pem.bytes()
        await apply(self.client, objects.aggregation(self.ports.adapter, ca_pem))

        async def values() -> bool | None:
            found = [await self.observer.value(name) for name in ("kodo-x", "kodo-x-metric")]
            return None if None in found else True

        await wait_for(values, "values through the API server", within=PATIENCE, child=child)

    async def _start_scaler(self) -> None:
        child = await self.children.start("wpa-scaler", commands.scaler(self.files, self.ports))

        async def healthy() -> bool | None:
            url = f"{_url(self.ports.scaler_health)}/readyz"
            async with self._session.get(url) as response:
                return response.status == 200 or None

        await wait_for(healthy, "/readyz answers 200", within=PATIENCE, child=child)

    async def _apply_autoscalers(self) -> None:
        await apply(self.client, objects.autoscalers())

        async def evaluated() -> bool | None:
            seen = await self.observer.read()
            active = [observation.condition("ScalingActive") for observation in seen]
            return (len(seen) == 2 and all(c is not None and c.is_true for c in active)) or None

        scaler = self.children["wpa-scaler"]
        await wait_for(evaluated, "both evaluated", within=PATIENCE, child=scaler)

    async def _answers(self, path: str, child: Child) -> None:
        async def asked() -> bytes:
            return await self.client.send(raw_get(path))

        await wait_for(asked, f"GET {path} answered", within=PATIENCE, child=child)


def _ready(deployment: dict[str, Any]) -> int:
    return int(deployment.get("status", {}).get("readyReplicas", 0))


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


@asynccontextmanager
async def stack(folder: Path, random: Random) -> AsyncIterator[Stack]:
    """A stack with nothing started yet; when the context closes, all its processes are gone.

    Raises StepFailed when there are no free ports.
    """
    logs = folder / "logs"
    logs.mkdir()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        try:
            built = Stack(folder, Children(logs), session, random)
        except OSError as error:
            raise StepFailed(str(error)) from error
        try:
            yield built
        finally:
            await built.close()
