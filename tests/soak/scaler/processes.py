"""The daemons as processes, and what Linux and their own pages tell of them."""

import os
import sys
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from msgspec import Struct

from bench.processes import cpu_seconds, resident_mib
from sandbox.demo.processes import Child, Children
from tests.integration.scaler.pages import Scrape
from tests.integration.scaler.world import SYSTEM
from tests.ports import free_port, free_ports
from tests.soak.scaler.held import CONNECTIONS, Trend, trend

LOOPBACK: Final = "127.0.0.1"
RECORDERS: Final = "wpa_scaler_flight_recorder_bytes"
LINES: Final = msgspec.json.Decoder(dict[str, Any])


class Sample(Struct, frozen=True):
    """One process at one moment. Memory in MiB; `recorders` is the scaler's flight recorders' part
    of it. Lag of the event loop's timers in seconds, the mean since the sample before.
    """

    resident: float
    recorders: float
    descriptors: int
    threads: int
    cpu: float
    lag: float


class Daemon:
    """A started daemon."""

    def __init__(self, child: Child, program: str, metrics: int) -> None:
        self.child = child
        self.name = child.name
        self.samples: list[Sample] = []
        self._lag = f"{program}_event_loop_lag_seconds"
        self._url = f"http://{LOOPBACK}:{metrics}/metrics"
        self._lags = (0.0, 0.0)

    async def look(self, session: aiohttp.ClientSession) -> Scrape:
        """Take a sample; the page it comes from. Raises ClientError, TimeoutError, OSError."""
        async with session.get(self._url) as response:
            page = Scrape(await response.text())
        pid, before = self.child.process.pid, self._lags
        self._lags = page.value(f"{self._lag}_sum"), page.value(f"{self._lag}_count")
        count = max(1.0, self._lags[1] - before[1])
        self.samples.append(
            Sample(
                resident_mib(pid),
                sum(page.values(RECORDERS)) / 2**20,
                len(os.listdir(f"/proc/{pid}/fd")),
                len(os.listdir(f"/proc/{pid}/task")),
                cpu_seconds(pid),
                (self._lags[0] - before[0]) / count,
            )
        )
        return page

    def trends(self, warm: float) -> list[Trend]:
        """How its figures went after the first `warm` samples."""
        counted = self.samples[round(warm) :]
        named = f"{self.name}: {{}}".format
        return [
            trend(named("memory (MiB)"), [one.resident for one in counted], None),
            trend(
                named("memory without recorders (MiB)"),
                [one.resident - one.recorders for one in counted],
            ),
            trend(named("descriptors"), [one.descriptors for one in counted], CONNECTIONS),
            trend(named("threads"), [one.threads for one in counted]),
            trend(named("event loop lag (ms)"), [1000 * one.lag for one in counted], None),
        ]

    def crashes(self) -> list[str]:
        """Lines of its log that tell of what was not foreseen."""
        found = []
        for line in self.child.log.read_text(encoding="utf-8").splitlines():
            try:
                crashed = "exception" in LINES.decode(line)
            except msgspec.DecodeError:
                crashed = True
            if crashed:
                found.append(line[-800:])
        return found


async def start_scaler(children: Children, number: int, kubeconfig: Path) -> Daemon:
    """`wpa-scaler` as shipped, but for the level of its log."""
    metrics, health = free_ports(2)
    flags = (
        f"--kubeconfig={kubeconfig}",
        f"--metrics-addr={LOOPBACK}:{metrics}",
        f"--health-port={health}",
        f"--leader-election-namespace={SYSTEM}",
        "--loglevel=warn",
    )
    child = await children.start(f"wpa-scaler-{number}", (*_python("scaler"), *flags))
    return Daemon(child, "wpa_scaler", metrics)


async def start_adapter(
    children: Children, port: int, kubeconfig: Path, rules: Path, prometheus: str
) -> Daemon:
    """`wpa-adapter` as shipped."""
    metrics = free_port()
    flags = (
        f"--kubeconfig={kubeconfig}",
        f"--config={rules}",
        f"--prometheus-url={prometheus}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--metrics-port={metrics}",
        "--loglevel=warn",
    )
    child = await children.start("wpa-adapter", (*_python("adapter"), *flags))
    return Daemon(child, "wpa_adapter", metrics)


def _python(module: str) -> tuple[str, ...]:
    return sys.executable, "-P", "-m", module
