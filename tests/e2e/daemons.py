"""The product on the real control plane: its manifests applied, its daemons as plain processes.

A daemon gets the token of its ServiceAccount and nothing else. The pods of the applied Deployments
are kwok's, which run nothing; the adapter's Service leads to the process instead.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.processes import Process, listening
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, apply
from tests.e2e.gauges import Gauges, Prometheus
from tests.ports import free_ports

MANIFESTS: Final = Path(__file__).parents[2] / "manifests"
NAMESPACE: Final = "watermark-autoscaler"
ADAPTER: Final = "wpa-adapter"
SCALER: Final = "wpa-scaler"
API_SERVICE: Final = "v1beta1.external.metrics.k8s.io"

RULES: Final = """\
externalRules:
- seriesQuery: 'queue_depth{namespace!=""}'
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
- seriesQuery: 'queue_age_seconds{namespace!=""}'
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
"""
"""Each series of the namespace is one value; an HPA sums them."""

START: Final = 180.0
"""Seconds a daemon may take to start on a busy machine."""


def account(name: str) -> str:
    """A daemon's user name."""
    return f"system:serviceaccount:{NAMESPACE}:{name}"


class Daemon:
    """One of our programs as a process."""

    def __init__(
        self, program: str, folder: Path, flags: Sequence[str], environ: Mapping[str, str]
    ) -> None:
        """`folder`, made where it is missing, receives its log and is its home."""
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{program}.log"
        kept = {name: text for name, text in os.environ.items() if not name.startswith("KUBE")}
        self.process = Process(
            program,
            [Path(sys.executable).with_name(program), *flags],
            self._log,
            environ={**kept, "HOME": str(folder), **environ},
        )

    def log(self) -> list[dict[str, Any]]:
        """Its log lines so far; a line that is no JSON, as of a traceback, fails the test."""
        text = self._log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The log lines with this message."""
        return [line for line in self.log() if line["msg"] == message]

    def terminate(self) -> int:
        """Ask it to end, as the kubelet does; its exit code."""
        return self.process.terminate()

    def stop(self) -> None:
        """End it at once."""
        self.process.stop()


class Adapter(Daemon):
    """wpa-adapter; `port` is its HTTPS port on 127.0.0.1."""

    def __init__(
        self,
        cluster: ControlPlane,
        folder: Path,
        prometheus: str,
        *flags: str,
        kubeconfig: Path | None = None,
    ) -> None:
        """Returns when it serves. `kubeconfig`: instead of a new one with its token."""
        folder.mkdir(parents=True, exist_ok=True)
        rules = folder / "rules.yaml"
        if not rules.exists():
            rules.write_text(RULES)
        kubeconfig = kubeconfig or cluster.service_account_kubeconfig(NAMESPACE, ADAPTER)
        own = (
            f"--kubeconfig={kubeconfig}",
            f"--config={rules}",
            f"--prometheus-url={prometheus}",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            "--cache-ttl=200ms",
        )
        super().__init__(ADAPTER, folder, [*own, *flags], {})
        self.port = int(eventually(self._address, within=START).rpartition(":")[2])

    def _address(self) -> str:
        self.process.check()
        return "".join(line["address"] for line in self.said("serving"))


class Scaler(Daemon):
    """wpa-scaler; its metrics and health ports are on 127.0.0.1."""

    def __init__(
        self, cluster: ControlPlane, folder: Path, *flags: str, kubeconfig: Path | None = None
    ) -> None:
        """Returns when it listens. `kubeconfig`: instead of a new one with its token."""
        self.metrics_port, self.health_port = free_ports(2)
        kubeconfig = kubeconfig or cluster.service_account_kubeconfig(NAMESPACE, SCALER)
        own = (
            f"--kubeconfig={kubeconfig}",
            f"--leader-election-namespace={NAMESPACE}",
            f"--metrics-addr=127.0.0.1:{self.metrics_port}",
            f"--health-port={self.health_port}",
        )
        super().__init__(SCALER, folder, [*own, *flags], {})
        eventually(self._listening, within=START)

    def _listening(self) -> bool:
        self.process.check()
        return listening(self.metrics_port) and listening(self.health_port)


class Installation:
    """The product in a cluster, with a Prometheus and a running adapter, but no scaler: each of
    its tests starts one with the flags it needs.
    """

    def __init__(
        self,
        cluster: ControlPlane,
        gauges: Gauges,
        prometheus: Prometheus,
        adapter: Adapter,
        available_after: float,
    ) -> None:
        self.cluster = cluster
        self.gauges = gauges
        self.prometheus = prometheus
        self.adapter = adapter
        self.available_after = available_after
        """Seconds from the start of the adapter to its APIService being Available."""


@contextmanager
def installed(cluster: ControlPlane, folder: Path, *adapter_flags: str) -> Iterator[Installation]:
    """The product in `cluster` while the context is open, external metrics available."""
    with ExitStack() as stack:
        gauges = Gauges(cluster.pki)
        gauges.start()
        stack.callback(gauges.stop)
        prometheus = Prometheus(folder / "prometheus", cluster.pki, gauges)
        prometheus.start()
        stack.callback(prometheus.stop)
        objects = rendered(cluster)
        apply(cluster.kubectl, *(one for one in objects if one["kind"] != "APIService"))
        started = time.monotonic()
        adapter = Adapter(cluster, folder / "adapter", prometheus.url, *adapter_flags)
        stack.callback(adapter.stop)
        register(cluster, adapter.port)
        await_available(cluster)
        took = time.monotonic() - started
        yield Installation(cluster, gauges, prometheus, adapter, took)


def rendered(cluster: ControlPlane, layer: str = "default") -> list[Json]:
    """The objects of a layer of manifests/, the adapter's Service leading to this machine:
    Endpoints refuse loopback addresses, but the aggregator follows external names.
    """
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(MANIFESTS / layer))))
    for one in objects:
        if (one["kind"], one["metadata"]["name"]) == ("Service", ADAPTER):
            one["spec"] = {"type": "ExternalName", "externalName": "localhost"}
    return objects


def register(cluster: ControlPlane, port: int, layer: str = "default") -> None:
    """Make the APIService of a layer of manifests/, leading to `port` of this machine."""
    (api_service,) = (one for one in rendered(cluster, layer) if one["kind"] == "APIService")
    api_service["spec"]["service"]["port"] = port
    apply(cluster.kubectl, api_service)


def change_api_service(cluster: ControlPlane, spec: Json) -> None:
    """Merge `spec` into that of the APIService."""
    patch = json.dumps({"spec": spec})
    cluster.kubectl("patch", "apiservice", API_SERVICE, "--type=merge", "-p", patch)


def available(cluster: ControlPlane) -> Json:
    """The APIService's condition Available; empty before there is one."""
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}"
    conditions: list[Json] = cluster.rest.get(path).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Available"), {})


def await_available(cluster: ControlPlane) -> None:
    """Wait until external metrics are served."""
    eventually(lambda: available(cluster), lambda found: found.get("reason") == "Passed")
