"""What tests against real recommenders share."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio
from prometheus_client import CollectorRegistry

from kube.vocab.times import SystemClock
from scaler.shell.recommender import Recommenders, recommending
from tests.integration.recommender.place import Place


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        yield Place(tmp_path, stack)


@pytest_asyncio.fixture
async def recommenders() -> AsyncIterator[Recommenders]:
    async with recommending(CollectorRegistry(), SystemClock(), "", None) as made:
        yield made
