"""A whole cluster over HTTPS for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from kube.vocab.times import SECOND, Millis, SystemClock
from sandbox.cluster import SandboxCluster
from sandbox.controllers.pod_script import Habits
from tests.integration.sandbox.api import Api

QUICK = Habits(start_after=50, ready_after=100, stop_after=50)


class ShiftedClock(SystemClock):
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self._ahead = 0

    def forward(self, seconds: int) -> None:
        self._ahead += seconds * SECOND

    def now(self) -> Millis:
        return super().now() + self._ahead


@pytest_asyncio.fixture
async def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest_asyncio.fixture
async def cluster(tmp_path: Path, clock: ShiftedClock) -> AsyncIterator[SandboxCluster]:
    async with SandboxCluster(
        tmp_path / "sandbox", clock=clock, habits=QUICK, check_seconds=0.2
    ) as running:
        yield running


@pytest_asyncio.fixture
async def api(cluster: SandboxCluster) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Api(cluster, session)
