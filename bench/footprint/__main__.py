"""What a thousand autoscalers cost one scaler (W-F03): requests, punctuality, memory, CPU.

Run: `python -m bench.footprint`, with flags of wpa-scaler after `--`. Prints JSON. The scaler is a
real process with its usual settings but for leader election, and scraped every 15 s. The API server
is a lean one in a process of its own, over TLS. All values are between their watermarks and change.
"""

import asyncio
import json
import os
import platform
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import click
from prometheus_client.parser import text_string_to_metric_families

from bench.footprint.fleet import Fleet
from bench.processes import cpu_seconds, resident_mib
from kube.service.runtime import new_loop
from sandbox.demo.ports import free_ports

SAMPLE_SECONDS = 1.0
SCRAPE_SECONDS = 15.0
RELIST_SECONDS = 20.0
RELIST_SAMPLES = 2000
LAG = "wpa_scaler_decision_lag_seconds_bucket"
EVALUATIONS = "wpa_scaler_evaluations_total"
SERIES = (LAG, EVALUATIONS, "wpa_scaler_overruns_total")


@asynccontextmanager
async def _process(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, *command, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class Measurement:
    """One scaler at work."""

    def __init__(
        self, size: Fleet, pid: int, url: str, metrics: str, session: aiohttp.ClientSession
    ) -> None:
        self._size = size
        self._pid = pid
        self._url = url
        self._metrics = metrics
        self._session = session

    async def warm_up(self, seconds: float) -> None:
        """Until each object was evaluated, and so much longer."""
        evaluated = 0.0
        while evaluated < self._size.objects:
            await asyncio.sleep(SAMPLE_SECONDS)
            evaluated = sum((await self._series()).get(EVALUATIONS, {}).values())
        await asyncio.sleep(seconds)

    async def run(self, seconds: float) -> dict[str, Any]:
        """Watch it for so long."""
        await self._asked()
        before, cpu, started = await self._series(), cpu_seconds(self._pid), time.monotonic()
        resident, scraped = [], started
        while time.monotonic() < started + seconds:
            await asyncio.sleep(SAMPLE_SECONDS)
            resident.append(resident_mib(self._pid))
            if time.monotonic() > scraped + SCRAPE_SECONDS:
                scraped = time.monotonic()
                await self._scrape()
        took, used = time.monotonic() - started, cpu_seconds(self._pid) - cpu
        asked, after = await self._asked(), await self._series()
        relisted = await self._restart()
        grown = {name: _grown(before.get(name, {}), after.get(name, {})) for name in SERIES}
        evaluations = sum(grown[EVALUATIONS].values())
        return {
            "seconds": round(took, 1),
            "evaluations_per_second": round(evaluations / took, 1),
            "evaluations_by_rule": grown[EVALUATIONS],
            "overruns": sum(grown["wpa_scaler_overruns_total"].values()),
            "turn_to_decision_at_most_seconds": _from_buckets(grown[LAG]),
            "between_two_evaluations_seconds": _intervals(asked["reached"]),
            "objects_seen": len(asked["reached"]),
            "requests_per_second": _rates(asked["asked"], took),
            "unknown_requests": asked["unknown"],
            "resident_mib": {"median": sorted(resident)[len(resident) // 2], "max": max(resident)},
            "resident_mib_after_a_restart_of_the_api_server": relisted,
            "cpu_seconds": round(used, 2),
            "cpu_share": round(used / took, 3),
            "cpu_ms_per_evaluation": round(1000 * used / max(1, evaluations), 2),
        }

    async def _restart(self) -> float:
        """The largest size in the seconds after all objects have to be listed again (V-13)."""
        async with self._session.post(f"{self._url}/bench"):
            pass
        largest = 0.0
        for _ in range(RELIST_SAMPLES):
            await asyncio.sleep(RELIST_SECONDS / RELIST_SAMPLES)
            largest = max(largest, resident_mib(self._pid))
        return largest

    async def _asked(self) -> dict[str, Any]:
        async with self._session.get(f"{self._url}/bench") as response:
            told: dict[str, Any] = await response.json()
        return told

    async def _scrape(self) -> str:
        """What Prometheus costs the scaler, too."""
        async with self._session.get(self._metrics) as response:
            return await response.text()

    async def _series(self) -> dict[str, dict[str, float]]:
        """The samples of `SERIES` by name and by their one label."""
        try:
            text = await self._scrape()
        except aiohttp.ClientError:
            return {}  # not listening yet
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in SERIES:
                    label = next(iter(sample.labels.values()), "")
                    found.setdefault(sample.name, {})[label] = sample.value
        return found


def _grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {label: value - before.get(label, 0) for label, value in after.items()}


def _from_buckets(buckets: dict[str, float]) -> dict[str, str]:
    """Quantiles as the upper bounds of the histogram's buckets that they lie in."""
    total = buckets.get("+Inf", 0.0)
    return {
        name: next((bound for bound, below in buckets.items() if below >= share * total), "none")
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def _intervals(reached: dict[str, list[float]]) -> dict[str, float]:
    """Seconds between an object's evaluations, as the server sees their first request."""
    apart = sorted(
        late - early for moments in reached.values() for early, late in pairwise(moments)
    )
    count = len(apart)
    return {
        name: round(apart[min(count - 1, int(count * share))], 2)
        for name, share in (("p1", 0.01), ("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        if count
    }


def _rates(asked: dict[str, int], seconds: float) -> dict[str, float]:
    reads = sum(count for what, count in asked.items() if what.startswith("GET "))
    rates = {what: count / seconds for what, count in sorted(asked.items())}
    rates |= {"reads": reads / seconds, "all": sum(asked.values()) / seconds}
    return {what: round(rate, 1) for what, rate in rates.items()}


async def measure(size: Fleet, seconds: float, flags: Sequence[str]) -> dict[str, Any]:
    """Start everything, watch it, end it."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = (str(size.namespaces), str(size.apps), str(size.pods))
        stub = ("-m", "bench.footprint.server", folder, *sizes)
        async with _process(*stub, stdout=asyncio.subprocess.PIPE) as server:
            assert server.stdout is not None
            url = (await server.stdout.readline()).decode().strip()
            (port,) = free_ports(1, Random())
            command = (
                *("-m", "scaler", "--kubeconfig", f"{folder}/kubeconfig"),
                *("--metrics-addr", f"127.0.0.1:{port}", "--health-port", "0"),
                *("--enable-leader-election=false", *flags),
            )
            with (Path(folder) / "scaler.log").open("wb") as log:
                async with (
                    _process(*command, stderr=log, stdout=log) as scaler,
                    aiohttp.ClientSession(connector=_trusting(Path(folder))) as session,
                ):
                    metrics = f"http://127.0.0.1:{port}/metrics"
                    measurement = Measurement(size, scaler.pid, url, metrics, session)
                    await measurement.warm_up(30.0)
                    return await measurement.run(seconds)


def _trusting(folder: Path) -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=folder / "ca.crt"))


@click.command()
@click.option("--namespaces", default=200, show_default=True)
@click.option("--apps", default=5, show_default=True, help="Autoscalers of each namespace.")
@click.option("--pods", default=20, show_default=True, help="Pods of each target.")
@click.option("--seconds", default=120.0, show_default=True, help="Length of the measurement.")
@click.argument("flags", nargs=-1)
def main(namespaces: int, apps: int, pods: int, seconds: float, flags: tuple[str, ...]) -> None:
    """Measure and print JSON; FLAGS are wpa-scaler's."""
    size = Fleet(namespaces, apps, pods)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        measured = runner.run(measure(size, seconds, flags))
    settings = {
        "autoscalers": size.objects,
        "namespaces": size.namespaces,
        "pods": size.objects * size.pods,
        "flags": list(flags),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
    report = {"benchmark": "footprint", "settings": settings, **measured}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
