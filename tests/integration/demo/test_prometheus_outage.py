"""The whole loop while Prometheus is stopped: both autoscalers hold, say so, and recover."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import aiohttp
import msgspec
import pytest

from sandbox.demo import commands
from sandbox.demo.load import demo_script
from sandbox.demo.observation import Observation
from sandbox.demo.stack import Stack, stack
from sandbox.demo.timing import PERIOD, WINDOWS
from sandbox.demo.waiting import wait_for
from sandbox.prometheus.binary import find_prometheus
from sandbox.workload.script import Script, dump_script

pytestmark = pytest.mark.timeout(300)

DELAY = WINDOWS.upscale_delay + 2 * PERIOD
"""Seconds in which a loop that sees would have scaled up."""


def _endless(name: str) -> Script:
    """One phase of the demo's script, without the others."""
    script = demo_script(60, repeat=False)
    phases = [phase for phase in script.phases if phase.name == name]
    return msgspec.structs.replace(script, phases=phases)


async def _until(
    running: Stack, holds: Callable[[dict[str, Observation]], bool], what: str
) -> dict[str, Observation]:
    async def look() -> dict[str, Observation] | None:
        seen = {seen.name: seen for seen in await running.observer.read()}
        return seen if holds(seen) else None

    scaler = running.children["wpa-scaler"]
    return await wait_for(look, what, within=120, child=scaler)


def _active(seen: dict[str, Observation], status: str, reason: str) -> bool:
    conditions = [observation.condition("ScalingActive") for observation in seen.values()]
    return all(c is not None and (c.status, c.reason) == (status, reason) for c in conditions)


async def _all_scraped(running: Stack) -> None:
    """Three nsqd, the pods and both daemons."""

    async def look() -> bool | None:
        url = f"http://127.0.0.1:{running.ports.prometheus}/api/v1/query"
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, params={"query": "count by (job) (up == 1)"}) as response,
        ):
            result = (await response.json())["data"]["result"]
        counts = {entry["metric"]["job"]: entry["value"][1] for entry in result}
        expected = {"nsq-exporter": "3", "kubelet": "1", "wpa-adapter": "1", "wpa-scaler": "1"}
        return counts == expected or None

    await wait_for(look, "all targets up", within=60, child=running.children["prometheus"])


@pytest.mark.asyncio
async def test_nothing_scales_without_prometheus_and_all_recovers(tmp_path: Path) -> None:
    program = find_prometheus()  # None is the stand-in
    async with stack(tmp_path, Random()) as running:
        for _, work in running.steps(_endless("calm"), program):
            await work()
        await _all_scraped(running)
        await running.children.stop(["prometheus"])
        seen = await _until(
            running,
            lambda seen: _active(seen, "False", "FailedGetExternalMetric"),
            "ScalingActive=False of both",
        )
        assert [seen[name].value for name in sorted(seen)] == [None, None]
        replicas = {name: observation.replicas for name, observation in seen.items()}
        assert replicas == {"kodo-x-metric": 2, "kodo-x-queue-only": 3}

        # The burst begins behind closed eyes; the delay for scaling up passes.
        await running.children.stop(["workload"])
        running.files.script.write_text(dump_script(_endless("burst")))
        await running.children.start("workload", commands.workload(running.files, running.ports))
        await asyncio.sleep(DELAY)
        seen = {seen.name: seen for seen in await running.observer.read()}
        assert {name: seen[name].replicas for name in seen} == replicas
        assert _active(seen, "False", "FailedGetExternalMetric")

        await running.start_prometheus(program)
        await _until(
            running,
            lambda seen: _active(seen, "True", "ValidMetricFound"),
            "ScalingActive=True of both",
        )
        seen = await _until(
            running, lambda seen: seen["kodo-x-metric"].replicas > 2, "kodo-x-metric scaled up"
        )
        assert seen["kodo-x-queue-only"].replicas == 3
