"""What a server may send and should not: told nobody, counted, and made up for by a list."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from kube.client.items import Undecodable
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.reflecting import Recorder, reflecting
from tests.unit.kube.client.scripted import line, listing, streaming, widget

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class Wild(CollectionServer):
    """Sends `lines` to the first watch, and whatever the collection is to those after it."""

    def __init__(self, *lines: bytes, then: str = "hang") -> None:
        super().__init__()
        self.put("a")
        self._lines: tuple[bytes, ...] | None = lines
        self._then = then

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if self._lines is None:
            return await super()._watch(request)
        lines, self._lines = self._lines, None
        return await streaming(request, *lines, then=self._then)


A, UID = "1001", "u1"


async def test_an_object_that_is_added_twice_is_told_once():
    again, changed = widget("a", A, 1, UID), widget("a", "1005", 2, UID)
    server, sink = (
        Wild(line("ADDED", again), line("ADDED", again), line("ADDED", changed)),
        Recorder(),
    )
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.calls == [("added", "a"), ("synced", ""), ("changed", "a")]
        assert reflector.stats.errors == {}


async def test_an_object_whose_version_goes_backwards_is_a_change():
    """V-03."""
    lines = [line("MODIFIED", widget("a", version, 1, UID)) for version in ("1005", "7", "6")]
    server, sink = Wild(*lines), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.calls[2:] == [("changed", "a")] * 3
        assert sink.view() == {"a": "6"}
        assert reflector.stats.version == "6"


async def test_an_object_that_is_deleted_twice_or_never_was_is_told_once():
    gone = line("DELETED", widget("a", "1005", 1, UID))
    server, sink = Wild(gone, gone, line("DELETED", widget("never", "1006"))), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.calls[2:] == [("deleted", "a")]
        assert reflector.stats.errors == {}


@pytest.mark.parametrize(
    "bookmark",
    [
        {"type": "BOOKMARK"},
        {"type": "BOOKMARK", "object": None},
        {"type": "BOOKMARK", "object": {}},
        {"type": "BOOKMARK", "object": {"metadata": None}},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": 7}}},
        {"type": "BOOKMARK", "object": [1]},
    ],
    ids=json.dumps,
)
async def test_a_bookmark_that_marks_nothing_is_a_sign_of_life_and_no_more(bookmark):
    said = json.dumps(bookmark).encode() + b"\n"
    server, sink = Wild(b"\n", said, b"  \r\n", line("ADDED", widget("b", "1005"))), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert sink.view() == {"a": A, "b": "1005"}
        assert (reflector.stats.errors, reflector.stats.version) == ({}, "1005")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED"},
        {"type": "MODIFIED", "object": None},
        {"type": "ADDED", "object": {}},
        {"type": "ADDED", "object": {"metadata": None}},
        {"type": "DELETED", "object": {"metadata": {}}},
        {"type": "ADDED", "object": {"metadata": {"name": 7}}},
        {"type": "ADDED", "object": "b"},
        {"type": "UPSERTED", "object": {"metadata": {"name": "b"}}},
        {"type": "added", "object": {"metadata": {"name": "b"}}},
        {"type": "", "object": {"metadata": {"name": "b"}}},
        {},
    ],
    ids=json.dumps,
)
async def test_an_event_that_tells_nothing_is_counted_and_made_up_for_by_a_list(event):
    said = json.dumps(event).encode() + b"\n"
    server, sink = Wild(*[said] * 50), Recorder()
    async with reflecting(server, sink) as reflector:
        server.put("c")
        await asyncio.sleep(10)
        assert sink.view() == server.view(), "what it stood for is in the list"
        assert reflector.stats.errors == {"BadAnswer": 1}, "not one for each"
        assert reflector.stats.relists == {"error": 1}
        assert reflector.stats.state == "watching"


@pytest.mark.parametrize(
    "items", [[None], [{}], [{"metadata": None}], [{"metadata": {}}], ["b", 7]]
)
async def test_an_object_without_a_name_hides_no_other_in_a_list(items):
    class Nameless(CollectionServer):
        async def _list(self, request: web.Request) -> web.StreamResponse:
            return listing([*items, widget("a", A)], "1000")

    heard: list[Exception] = []
    server, sink = Nameless(), Recorder()
    async with reflecting(server, sink, on_error=heard.append) as reflector:
        await asyncio.sleep(1)
        assert sink.calls == [("added", "a"), ("synced", "")]
        assert (len(reflector), reflector.undecodable) == (1, 0)
        assert reflector.stats.errors == {"BadAnswer": len(items)}
        assert len({str(error) for error in heard}) == 1


@pytest.mark.parametrize("then", ["end", "cut"])
@pytest.mark.parametrize(
    "half",
    [
        b'{"type":"ADDED","object":{"metadata":{"name":"b","namespace":"ns","annotations":{"x":"\xc3',
        '{"type":"ADDED","object":{"metadata":{"name":"b","labels":{"x":"\U0001f600'.encode()[:-2],
        b"{",
    ],
    ids=["in a character of two bytes", "in one of four", "at the start"],
)
async def test_a_line_that_is_cut_in_the_middle_is_read_again(half, then):
    server, sink = Wild(line("MODIFIED", widget("a", "1001", 1, UID)), half, then=then), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(0.5)
        server.put("b")
        await asyncio.sleep(5)
        assert sink.view() == server.view()
        assert (reflector.stats.errors, len(server.lists)) == ({}, 1)


async def test_characters_that_are_no_text_are_one_object_s_trouble():
    body = (
        b'{"type":"ADDED","object":{"metadata":{"name":"b","namespace":"ns"},"size":"\xff\xfe"}}\n'
    )
    server, sink = Wild(body, line("ADDED", widget("c", "1009"))), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert isinstance(sink.items["ns", "b"], Undecodable)
        assert set(sink.view()) == {"a", "b", "c"}
        assert reflector.stats.errors == {}


async def test_an_object_of_two_megabytes_is_one_like_others():
    big: dict[str, Any] = widget("b", "1005")
    big["metadata"]["annotations"] = {"blob": "\u00e9" * 1_000_000}
    server, sink = Wild(line("ADDED", big), line("ADDED", widget("c", "1006"))), Recorder()
    async with reflecting(server, sink) as reflector:
        await asyncio.sleep(1)
        assert set(sink.view()) == {"a", "b", "c"}
        assert reflector.stats.errors == {}
