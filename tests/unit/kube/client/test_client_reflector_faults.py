"""A reflector under failing lists, refused watches, broken objects and broken sinks."""

import asyncio
from itertools import pairwise

import pytest
from aiohttp import web

from kube.client.items import Key, Undecodable
from tests.unit.kube.client.reflecting import Recorder, reflecting, started
from tests.unit.kube.client.scripted import Widget, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def test_a_server_that_is_away_is_asked_with_growing_pauses():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.failing_watches = ["cut"] * 20
        server.cut()
        server.put("b")
        await asyncio.sleep(120)
        assert sink.view() == server.view()
        # The HTTP library repeats a read on a connection that was idle: two cuts, one error.
        assert reflector.stats.errors["Unreachable"] >= 10
        assert reflector.stats.relists == {}
        assert len(server.watches) < 30


async def test_a_list_that_fails_is_repeated_until_it_succeeds():
    server, sink = started("a", "b", "c")
    server.failing_lists = [
        failure(500, "InternalError"),
        failure(403, "Forbidden", "no rights yet"),
        failure(404, "NotFound", "the CRD is not there yet"),
        "garbage",
        "cut",
        "cut",
    ]
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(120)
        assert sink.view() == server.view()
        assert sink.synced == 1
        assert set(reflector.stats.errors) >= {"ServerError", "Forbidden", "NotFound", "BadAnswer"}


async def test_a_server_that_always_expires_is_not_hammered():
    server, sink = started("a")
    server.failing_watches = [failure(410, "Expired") for _ in range(1000)]
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(600)
        assert reflector.stats.relists["expired"] < 300
        assert sink.view() == server.view()


async def test_a_version_refused_again_and_again_is_given_up():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.failing_watches = [failure(500, "InternalError") for _ in range(3)]
        server.cut()
        await asyncio.sleep(60)
        assert reflector.stats.relists == {"error": 1}
        assert reflector.stats.state == "watching"


async def test_an_undecodable_object_is_told_as_such_and_heals():
    server, sink = started("a", "c")
    server.put("b", size="big")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        broken = sink.items["ns", "b"]
        assert isinstance(broken, Undecodable)
        assert "$.size" in broken.error
        assert reflector.undecodable == 1
        server.put("a", size="bad")
        server.put("b", size=3)
        await asyncio.sleep(1)
        assert isinstance(sink.items["ns", "a"], Undecodable)
        assert isinstance(sink.items["ns", "b"], Widget)
        server.delete("a")
        await asyncio.sleep(1)
        assert reflector.undecodable == 0
        assert reflector.stats.relists == {}


async def test_a_sink_that_fails_is_counted_and_the_rest_goes_on():
    server, sink = started("a", "b", "c")

    class Poisoned(Recorder):
        def on_added(self, key: Key, item: Widget | Undecodable) -> None:
            if key[1] == "b":
                raise RuntimeError("cannot stand b")
            super().on_added(key, item)

    heard: list[Exception] = []
    sink = Poisoned()
    async with reflecting(server, sink, on_error=heard.append) as reflector:
        await asyncio.sleep(1)
        assert set(sink.view()) == {"a", "c"}
        assert reflector.stats.sink_errors == 1
        assert reflector.stats.errors == {"RuntimeError": 1}
        assert [str(error) for error in heard] == ["cannot stand b"]


async def test_retry_after_of_a_refused_watch_is_obeyed():
    server, sink = started("a")
    async with reflecting(server, sink):
        await asyncio.sleep(1)
        refusal: web.Response = failure(429, "TooManyRequests", retryAfterSeconds=8)
        server.failing_watches = [refusal]
        server.cut()
        opened = len(server.watches)
        await asyncio.sleep(7.5)
        assert len(server.watches) == opened + 1
        await asyncio.sleep(3)
        assert len(server.watches) == opened + 2


async def test_v11_no_retry_after_keeps_a_relist_away_for_longer_than_ten_seconds():
    """Nor does a server that is away, one that only says no, or many of these in a row."""
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        answers: list[web.Response | str] = []
        for _ in range(8):
            answers += [
                failure(429, "TooManyRequests", retryAfterSeconds=3600),
                failure(503, "ServiceUnavailable", retryAfterSeconds=60),
                failure(504, "Timeout", retryAfterSeconds=3),
                failure(500, "InternalError"),
                "cut",
            ]
        server.failing_lists = list(answers)
        server.put("b")
        server.listed_at.clear()
        reflector.relist()
        while sink.synced < 2:  # noqa: ASYNC110 - told by the sink, which has no event for it
            await asyncio.sleep(1)
        assert reflector.stats.state == "watching"
        asked = server.listed_at
        pauses = [later - sooner for sooner, later in pairwise(asked)]
        assert len(pauses) == len(answers)
        assert max(pauses) <= 10.5
