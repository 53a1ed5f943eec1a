"""The server under contract. Every test speaks to it through the fixture `api` alone, so the suite
holds for any Kubernetes API server that this fixture is pointed at.
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from kube.vocab.times import SystemClock
from sandbox.apiserver.app import build_app
from sandbox.apiserver.serving import start
from sandbox.apiserver.store import Store
from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import GADGET_DEFINITION, GROUP, PLURAL, VERSION


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    """A server with an empty namespace of its own for the test."""
    store = Store(SystemClock())
    async with (
        await start(build_app(store)) as server,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        api = Api(server.url, session, store.compact)
        made = await api.created("/api/v1/namespaces", {"metadata": {"generateName": "contract-"}})
        api.namespace = made["metadata"]["name"]
        yield api
        await api.delete(f"/api/v1/namespaces/{api.namespace}")


@pytest_asyncio.fixture
async def gadgets(api: Api) -> str:
    """The path of a custom resource that is installed."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    answer = await api.post(definitions, GADGET_DEFINITION)
    assert answer.code in (201, 409), answer
    async with asyncio.timeout(10):
        while True:
            found = await api.get(f"{definitions}/{PLURAL}.{GROUP}")
            conditions = found.body.get("status", {}).get("conditions") or []
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return api.path(PLURAL, group=GROUP, version=VERSION)
            await asyncio.sleep(0.05)
