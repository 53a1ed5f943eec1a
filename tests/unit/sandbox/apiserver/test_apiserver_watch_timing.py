"""Bookmarks and timeouts of watches, in virtual time over real HTTP."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from kube.vocab.times import LoopClock
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.kinds.resources import CONFIGMAPS
from sandbox.apiserver.storage.store import Store
from tests.contract.apiserver.objects import configmap
from tests.unit.sandbox.apiserver.server import served

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

EPOCH = 1_767_225_600_000


async def test_quiet_watch_sends_a_bookmark_each_minute():
    async with served(LoopClock(EPOCH)) as (url, session, store):
        began = asyncio.get_running_loop().time()
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "150"}
        query["resourceVersion"] = str(store.version)
        events: list[Any] = []
        async with session.get(f"{url}/api/v1/configmaps", params=query) as response:
            async for line in response.content:
                events.append(json.loads(line))
        took = asyncio.get_running_loop().time() - began
    assert [event["type"] for event in events] == ["BOOKMARK", "BOOKMARK"]
    assert events[0]["object"]["metadata"]["resourceVersion"] == str(store.version)
    assert took == pytest.approx(150, abs=1)


async def test_watch_without_bookmarks_is_silent_until_something_happens():
    async with served(LoopClock(EPOCH)) as (url, session, store):
        loop = asyncio.get_running_loop()
        loop.call_later(100, store.create, CONFIGMAPS, "default", configmap("a"))
        query = {"watch": "1", "timeoutSeconds": "200"}
        async with session.get(f"{url}/api/v1/configmaps", params=query) as response:
            lines = [json.loads(line) async for line in response.content]
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in lines] == [("ADDED", "a")]
    created = lines[0]["object"]["metadata"]["creationTimestamp"]
    assert created.startswith("2026-01-01T00:01:4")


async def test_stopping_the_server_ends_its_watches():
    server = await start(build_app(Store(LoopClock(EPOCH))))
    async with aiohttp.ClientSession() as session:
        response = await session.get(f"{server.url}/api/v1/configmaps", params={"watch": "1"})
        began = asyncio.get_running_loop().time()
        await server.close()
        assert await response.content.read() == b""
        assert asyncio.get_running_loop().time() - began < 1
