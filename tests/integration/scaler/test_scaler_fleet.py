"""A fleet under the usual settings: punctual, and no request more than it needs (W-F03).

Time is virtual. The period is a tenth of the usual one, so that 150 objects ask as often as 1,500.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from bench.footprint.fleet import Fleet
from bench.footprint.server import Server
from kube.service.listeners import listening
from kube.service.settings import Address
from kube.vocab.times import LoopClock
from tests.integration.scaler.played import scaler_on
from tests.integration.scaler.world import EPOCH

PERIOD = 1.5
PERIODS = 10
SIZE = Fleet(namespaces=30, apps=5, pods=5)

PATHS = {
    "scales": "GET /apis/apps/v1/namespaces/{ns}/deployments/{name}/scale",
    "pods": "GET /api/v1/namespaces/{ns}/pods",
    "metrics": "GET /apis/external.metrics.k8s.io/v1beta1/namespaces/{ns}/{name}",
    "hpas": "GET /apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
    "peers": "GET /apis/apps/v1/namespaces/{ns}/deployments",
    "targets": "GET /apis/apps/v1/namespaces/{ns}/deployments/{name}",
    "owners": "GET /apis/apps/v1/namespaces/{ns}/replicasets/{name}",
    "statuses": "PATCH /apis/datadoghq.com/v1alpha1/namespaces/{ns}/watermarkpodautoscalers"
    "/{name}/status",
}


@asynccontextmanager
async def scaled(folder: Path) -> AsyncIterator[Server]:
    """A cluster with a fleet, and a scaler with the usual settings at work."""
    clock = LoopClock(EPOCH)
    server = Server(SIZE, clock)
    async with listening(server.app(), Address("127.0.0.1", 0), flag="none", drain=0.1) as bound:
        url = f"http://127.0.0.1:{bound.port}"
        async with scaler_on(url, folder, clock, period=round(PERIOD * 1000)):
            yield server


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_fleet_is_evaluated_in_time_with_three_reads_each(tmp_path):
    async with scaled(tmp_path) as server:
        await asyncio.sleep(2 * PERIOD)
        server.asked.clear()
        server.reached.clear()
        await asyncio.sleep(PERIODS * PERIOD)
        asked = {name: server.asked[path] for name, path in PATHS.items()}
        reached = dict(server.reached)
        assert sum(server.asked.values()) == sum(asked.values()), server.asked
    assert len(reached) == SIZE.objects
    apart = [late - early for times in reached.values() for early, late in pairwise(times)]
    assert len(apart) >= (PERIODS - 1) * SIZE.objects
    assert PERIOD - 0.2 < min(apart) <= max(apart) < PERIOD + 0.2
    evaluations = asked["scales"]
    # An evaluation may lie half in what is counted.
    assert abs(asked["pods"] - evaluations) < 10
    assert abs(asked["metrics"] - evaluations) < 10
    assert asked["hpas"] == asked["peers"] == asked["owners"] == 0, "kept for a minute and for ten"
    assert asked["targets"] == 0, "looked at once after a start"
    assert asked["statuses"] == 0, "mere values wait for a minute"
    assert server.unknown == {}
