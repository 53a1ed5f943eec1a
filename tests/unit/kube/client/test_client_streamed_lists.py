"""Lists as a stream, from servers that do that, refuse it, or never heard of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from kube.client.streamed_lists import PATIENCE
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.reflecting import Recorder, agreement, reflecting
from tests.unit.kube.client.scripted import failure, line, status, streaming, widget

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Streaming(CollectionServer):
    """A server that streams lists; counts both kinds of requests."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = True
        self.streamed = 0
        self.paged = 0
        self.instead: list[Callable[[web.Request], Awaitable[web.StreamResponse]]] = []
        """Answers to the next streaming requests in place of the right ones."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if "sendInitialEvents" in request.query:
            self.streamed += 1
            if self.instead:
                return await self.instead.pop(0)(request)
        elif "watch" not in request.query and "continue" not in request.query:
            self.paged += 1
        return await super().handle(request)


def a_server(*names: str) -> tuple[Streaming, Recorder]:
    server = Streaming()
    for name in names:
        server.put(name)
    return server, Recorder()


async def expire(server: CollectionServer, changed: str = "a") -> None:
    """Have the collection listed again because a version is too old."""
    server.cut()
    server.put(changed, 5)
    server.forget()
    await asyncio.sleep(6)


async def test_the_first_list_is_a_stream_and_the_watch_goes_on_from_its_end():
    server, sink = a_server("a", "b", "c")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.calls == [("added", "a"), ("added", "b"), ("added", "c"), ("synced", "")]
        assert (reflector.stats.lists, reflector.stats.streamed) == (1, 1)
        (asked,) = server.lists
        assert asked["resourceVersionMatch"] == "NotOlderThan"
        assert asked["sendInitialEvents"] == asked["allowWatchBookmarks"] == "true"
        assert {"resourceVersion", "limit", "continue"}.isdisjoint(asked)
        assert server.watches[0]["resourceVersion"] == str(server.version)
        server.put("d")
        server.delete("a")
        await asyncio.sleep(1)
        assert sink.view() == server.view()
    assert server.paged == 0


async def test_a_relist_by_stream_tells_the_differences():
    server, sink = a_server("a", "b", "c")
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.delete("b")
        await expire(server, "c")
        assert sink.calls[4:] == [("changed", "c"), ("deleted", "b"), ("synced", "")]
        assert reflector.stats.streamed == 2


@pytest.mark.parametrize("after_move", ["too_large", "silent"])
async def test_where_the_watches_are_in_doubt_the_list_is_read_in_pages(after_move):
    """V-01, V-04: a stream would come from the cache that served them."""
    server, sink = a_server("a", "b")
    server.after_move = after_move
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        server.version += 50_000
        server.bookmark()
        await asyncio.sleep(1)
        server.move(back=50_000)
        server.put("c")
        await agreement(server, sink, every=1)
        assert (server.streamed, server.paged) == (1, 1)
        reflector.relist()
        await asyncio.sleep(1)
        assert (server.streamed, server.paged) == (1, 2)


async def test_a_server_that_refuses_is_asked_once():
    server, sink = a_server("a")
    server.streams = False
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        await expire(server)
        assert sink.synced == 2
        assert (server.streamed, server.paged, reflector.stats.streamed) == (1, 2, 0)
        assert reflector.stats.errors == {"Gone": 1}, "the watch that expired"


async def ignorant(request: web.Request) -> web.StreamResponse:
    """Takes it for a watch without a version: what exists, and then only changes."""
    return await streaming(request, line("ADDED", widget("a", "1001")), then="hang")


async def bookmarking(request: web.Request) -> web.StreamResponse:
    """The same, with bookmarks that end nothing."""
    bookmark = {"metadata": {"resourceVersion": "1001", "annotations": {"a": None}}}
    lines = line("ADDED", widget("a", "1001")), line("BOOKMARK", bookmark)
    return await streaming(request, *lines, then="hang")


@pytest.mark.parametrize("answer", [ignorant, bookmarking])
async def test_a_server_that_never_heard_of_it_is_asked_once(answer):
    server, sink = a_server("a", "b")
    server.instead = [answer] * 5
    async with reflecting(server, sink):
        await asyncio.sleep(PATIENCE + 2)
        assert sink.view() == server.view()
        await expire(server)
        assert (server.streamed, server.paged, sink.synced) == (1, 2, 2)


async def too_large(request: web.Request) -> web.StreamResponse:
    error = status(504, "Timeout", "Too large resource version: 9, current: 5")
    return await streaming(request, line("ADDED", widget("x", "9")), line("ERROR", error))


async def cut(request: web.Request) -> web.StreamResponse:
    return await streaming(request, line("ADDED", widget("x", "9")), then="cut")


async def ended(request: web.Request) -> web.StreamResponse:
    return await streaming(request, line("ADDED", widget("x", "9")))


async def broken(_request: web.Request) -> web.StreamResponse:
    return failure(500, "InternalError")


async def garbage(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>a proxy</html>\n")


@pytest.mark.parametrize("answer", [too_large, cut, ended, broken, garbage])
async def test_a_stream_that_comes_to_nothing_is_made_up_for_by_pages_once(answer):
    """V-01: also where only watches meet the error."""
    server, sink = a_server("a", "b")
    server.instead = [answer]
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(5)
        # What the stream had told and is not there is gone again.
        assert sink.view() == server.view()
        assert (server.streamed, server.paged) == (1, 1)
        await expire(server)
        assert (server.streamed, server.paged, reflector.stats.streamed) == (2, 1, 1)


async def test_a_server_that_asks_for_patience_gets_it(looptime):
    server, sink = a_server("a")
    server.failing_lists = [failure(429, "TooManyRequests", retryAfterSeconds=5)]
    async with reflecting(server, sink):
        await asyncio.sleep(4.5)
        assert (server.streamed, server.paged) == (1, 0)
        await asyncio.sleep(7)
        assert (server.streamed, server.paged) == (2, 0)
        assert sink.view() == server.view()


async def test_what_changes_while_it_is_sent_counts():
    async def changing(request: web.Request) -> web.StreamResponse:
        end = {"resourceVersion": "1005", "annotations": {"k8s.io/initial-events-end": "true"}}
        return await streaming(
            request,
            line("ADDED", widget("a", "1001")),
            line("ADDED", widget("b", "1002")),
            line("MODIFIED", widget("a", "1003", 7)),
            line("DELETED", widget("b", "1004")),
            line("BOOKMARK", {"metadata": end}),
        )

    server, sink = a_server()
    server.version = 1005
    server.instead = [changing]
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.calls == [
            ("added", "a"), ("added", "b"), ("changed", "a"), ("deleted", "b"), ("synced", ""),
        ]  # fmt: skip
        assert reflector.stats.version == "1005"
