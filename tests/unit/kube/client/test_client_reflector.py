import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

from kube.client.items import Key, Undecodable
from kube.client.reflector import Reflector
from kube.client.requests import list_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.scripted import WIDGETS, Widget, client_of, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Recorder:
    """A sink that believes what it is told, and checks that it makes sense."""

    def __init__(self) -> None:
        self.items: dict[Key, Widget | Undecodable] = {}
        self.calls: list[tuple[str, str]] = []
        self.synced = 0

    def on_added(self, key: Key, item: Widget | Undecodable) -> None:
        assert key not in self.items
        self.items[key] = item
        self.calls.append(("added", key[1]))

    def on_changed(self, key: Key, item: Widget | Undecodable) -> None:
        assert key in self.items
        self.items[key] = item
        self.calls.append(("changed", key[1]))

    def on_deleted(self, key: Key) -> None:
        del self.items[key]
        self.calls.append(("deleted", key[1]))

    def on_synced(self) -> None:
        self.synced += 1
        self.calls.append(("synced", ""))

    def view(self) -> dict[str, str]:
        return {name: item.metadata.resource_version for (_, name), item in self.items.items()}


@asynccontextmanager
async def reflecting(server: CollectionServer, sink: Any, **options: Any):
    async with client_of(server.handle) as client:
        reflector = Reflector(
            client,
            list_of(WIDGETS, "ns"),
            msgspec.json.Decoder(Widget),
            sink,
            clock=LoopClock(0),
            random=Random(1),
            limit=2,
            **options,
        )
        work = asyncio.ensure_future(reflector.run())
        try:
            yield reflector
        finally:
            work.cancel()
            await asyncio.wait({work})
            assert work.cancelled()
            assert reflector.stats.state == "stopped"


def started(*names: str) -> tuple[CollectionServer, Recorder]:
    server = CollectionServer()
    for name in names:
        server.put(name)
    return server, Recorder()


async def agreement(server: CollectionServer, sink: Recorder, every: float) -> None:
    """Wait until the sink's view is the server's."""
    for _ in range(round(1000 / every)):
        if sink.view() == server.view():
            return
        await asyncio.sleep(every)
    raise AssertionError(f"{sink.view()} never became {server.view()}")


async def test_the_first_list_is_told_then_changes_as_they_come():
    server, sink = started("a", "b", "c")
    async with reflecting(server, sink) as reflector:
        assert reflector.stats.state == "idle"
        await asyncio.sleep(1)
        assert sink.calls == [("added", "a"), ("added", "b"), ("added", "c"), ("synced", "")]
        assert (reflector.stats.state, reflector.stats.synced) == ("watching", True)
        server.put("a", 2)
        server.delete("b")
        server.put("d")
        server.bookmark()
        await asyncio.sleep(1)
        assert sink.calls[4:] == [("changed", "a"), ("deleted", "b"), ("added", "d")]
        assert reflector.stats.version == str(server.version)
        assert len(reflector) == 3
        assert reflector.stats.heard_at is not None


async def test_a_watch_that_ends_goes_on_from_the_last_version_without_a_list():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.bookmark()
        await asyncio.sleep(1)
        version = server.version
        server.cut()
        server.put("b")
        await asyncio.sleep(30)
        assert sink.view() == server.view()
        assert len(server.lists) == 1
        assert server.watches[-1]["resourceVersion"] == str(version)
        assert reflector.stats.watch_restarts == 1
        assert reflector.stats.relists == {}


async def test_an_expired_version_relists_at_once_and_finds_what_was_missed(looptime):
    server, sink = started("a", "b", "c")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.failing_watches = ["hang"]
        server.cut()
        server.delete("b")
        server.put("a", 5)
        server.forget()
        server.failing_watches = []
        before = float(looptime)
        await agreement(server, sink, every=0.1)
        assert float(looptime) - before < 1.5
        assert reflector.stats.relists == {"expired": 1}
        assert sink.calls[4:] == [("changed", "a"), ("deleted", "b"), ("synced", "")]


@pytest.mark.parametrize("after_move", ["too_large", "gone"])
async def test_versions_that_go_backwards_lose_nothing(after_move):
    """V-01 to V-03; steps 5a and 5d of the split."""
    server, sink = started("a", "b")
    server.after_move = after_move
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.version += 50_000
        server.bookmark()
        await asyncio.sleep(1)
        server.move(back=49_990)
        server.put("c")
        server.delete("a")
        await asyncio.sleep(5)
        assert sink.view() == server.view()
        reason = "too_large" if after_move == "too_large" else "expired"
        assert reflector.stats.relists == {reason: 1}
        assert all("resourceVersion" not in query for query in server.lists)
        server.put("d")
        await asyncio.sleep(1)
        assert sink.view() == server.view()
        assert int(reflector.stats.version) < 50_000


async def test_a_watch_that_upstream_leaves_silent_is_found_out(looptime):
    """V-04; step 5b of the split: no event, no bookmark, no error."""
    server, sink = started("a", "b")
    server.after_move = "silent"
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.version += 50_000
        server.bookmark()
        await asyncio.sleep(1)
        server.move(back=50_000)
        server.put("c")
        moved = float(looptime)
        await agreement(server, sink, every=1)
        assert float(looptime) - moved <= 180
        assert reflector.stats.relists == {"stalled": 1}


async def test_silence_is_counted_over_connections():
    """A proxy that cuts each watch before the deadline must not hide a dead one."""
    server, sink = started("a")
    server.after_move = "silent"
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.version += 50_000
        server.bookmark()
        await asyncio.sleep(1)
        server.move(back=50_000)
        server.put("b")
        for _ in range(5):
            await asyncio.sleep(40)
            server.cut()
        assert sink.view() == server.view()
        assert reflector.stats.relists == {"stalled": 1}


async def test_connections_that_end_at_once_do_not_hide_a_dead_watch():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.failing_watches = ["end"] * 60
        server.cut()
        server.put("b")
        server.forget()
        await asyncio.sleep(175)
        assert server.failing_watches
        assert reflector.stats.relists == {"stalled": 1}
        assert sink.view() == server.view()


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


async def test_a_list_broken_off_between_pages_deletes_nothing():
    server, sink = started("a", "b", "c", "d", "e")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.failing_lists = [None, failure(410, "Expired"), None, failure(500, "x")]
        reflector.relist()
        await asyncio.sleep(30)
        assert not [call for call in sink.calls if call[0] == "deleted"]
        assert sink.synced == 2
        assert reflector.stats.relists == {"demanded": 1}


async def test_a_demanded_relist_happens_at_once_even_twice_over():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        reflector.relist()
        reflector.relist()
        await asyncio.sleep(0.5)
        assert reflector.stats.lists == 2
        assert reflector.stats.state == "watching"
        assert reflector.stats.relists == {"demanded": 1}


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


async def test_an_object_replaced_under_the_same_name_is_deleted_and_added():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.objects.pop("a")
        server.put("a")
        reflector.relist()
        await asyncio.sleep(1)
        assert sink.calls[2:] == [("deleted", "a"), ("added", "a"), ("synced", "")]


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
