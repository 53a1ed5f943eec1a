"""The command line of each of the demo's processes."""

import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from sandbox.demo.objects import SYSTEM_NAMESPACE
from sandbox.demo.timing import PERIOD
from sandbox.prometheus.binary import prometheus_command

LOOPBACK: Final = "127.0.0.1"


class Ports(Struct, frozen=True):
    """Where everything listens, on the loopback interface."""

    api_server: int
    workload: int
    prometheus: int
    adapter: int
    adapter_metrics: int
    scaler_metrics: int
    scaler_health: int


class Files(Struct, frozen=True):
    """Where everything lies in the demo's folder."""

    folder: Path

    @property
    def cluster(self) -> Path:
        """Folder of the API server."""
        return self.folder / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.cluster / "kubeconfig"

    @property
    def script(self) -> Path:
        """The workload's script."""
        return self.folder / "workload.yaml"

    def of_daemon(self, name: str) -> Path:
        """A daemon's own kubeconfig."""
        return self.folder / f"{name}.kubeconfig"


def api_server(files: Files, ports: Ports) -> list[str]:
    """`wpa-sandbox serve`."""
    return [*_python("sandbox"), "serve", f"--folder={files.cluster}", f"--port={ports.api_server}"]


def workload(files: Files, ports: Ports) -> list[str]:
    """`wpa-sandbox workload`: plays kubelets and queue, so it may look at the cluster as admin."""
    return [
        *_python("sandbox"),
        "workload",
        f"--kubeconfig={files.kubeconfig}",
        f"--port={ports.workload}",
        f"--script={files.script}",
    ]


def prometheus(files: Files, ports: Ports, program: str | None) -> list[str]:
    """The real Prometheus, or without one the stand-in."""
    config = files.folder / "prometheus.yml"
    if program is not None:
        data = files.folder / "prometheus-data"
        return prometheus_command(program, config, data, ports.prometheus)
    return [
        *_python("sandbox"),
        "prometheus",
        f"--config.file={config}",
        f"--port={ports.prometheus}",
    ]


def adapter(files: Files, ports: Ports) -> list[str]:
    """`wpa-adapter`, with answers no older than a scrape."""
    return [
        *_python("adapter"),
        f"--kubeconfig={files.of_daemon('wpa-adapter')}",
        f"--config={files.folder / 'adapter-rules.yaml'}",
        f"--prometheus-url=http://{LOOPBACK}:{ports.prometheus}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports.adapter}",
        f"--metrics-port={ports.adapter_metrics}",
        f"--tls-cert-file={files.folder / 'adapter.crt'}",
        f"--tls-private-key-file={files.folder / 'adapter.key'}",
        "--cache-ttl=500ms",
        "--logencoder=console",
    ]


def scaler(files: Files, ports: Ports) -> list[str]:
    """`wpa-scaler`, evaluating more often than in real life."""
    return [
        *_python("scaler"),
        f"--kubeconfig={files.of_daemon('wpa-scaler')}",
        f"--evaluation-period={PERIOD}s",
        f"--metrics-addr={LOOPBACK}:{ports.scaler_metrics}",
        f"--health-port={ports.scaler_health}",
        f"--leader-election-namespace={SYSTEM_NAMESPACE}",
        "--logEncoder=console",
        "--log-timestamp-format=iso8601",
    ]


def _python(module: str) -> list[str]:
    # -P: a folder called adapter/ where the user happens to stand must not be taken for ours.
    return [sys.executable, "-P", "-m", module]
