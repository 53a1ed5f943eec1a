"""What a reflector tells its sink, and when it lists again."""

import asyncio

import pytest

from kube.client.reflector import PAUSE, SPREAD
from tests.unit.kube.client.reflecting import agreement, reflecting, started
from tests.unit.kube.client.scripted import failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


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


async def test_an_expired_version_relists_soon_and_finds_what_was_missed(looptime):
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
        # One pause before the watch that is refused, and a moment before the list.
        assert float(looptime) - before < 3 * PAUSE[0] + SPREAD + 0.2
        assert reflector.stats.relists == {"expired": 1}
        assert sink.calls[4:] == [("changed", "a"), ("deleted", "b"), ("synced", "")]


@pytest.mark.parametrize("after_move", ["too_large", "gone"])
async def test_versions_that_go_backwards_lose_nothing(after_move):
    """V-01, V-02, V-03; steps 5a and 5d of the split."""
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


async def test_an_object_replaced_under_the_same_name_is_deleted_and_added():
    server, sink = started("a")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.objects.pop("a")
        server.put("a")
        reflector.relist()
        await asyncio.sleep(1)
        assert sink.calls[2:] == [("deleted", "a"), ("added", "a"), ("synced", "")]
