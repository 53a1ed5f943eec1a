import asyncio
from contextlib import aclosing
from random import Random

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.client.errors import BadAnswer, Gone, ServerError, TooLargeResourceVersion
from kube.client.requests import PARTIAL_LIST, PARTIAL_OBJECT, list_of
from kube.client.watches import Silent, watch, watch_of
from tests.unit.kube.client.scripted import (
    WIDGETS,
    Handler,
    client_of,
    line,
    status,
    streaming,
    widget,
)

DEEP = b'{"object":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n"
LISTED = list_of(WIDGETS, "ns", label_selector="a=b", limit=500)


async def kinds(handler: Handler, inactivity: float = 150.0) -> list[str]:
    """Types of the events of one connection."""
    async with client_of(handler) as client:
        events = watch(client, LISTED, "5", inactivity=inactivity, random=Random(1))
        async with aclosing(events):
            return [event.type async for event in events]


def answering(*parts: bytes, then: str = "end") -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await streaming(request, *parts, then=then)

    return handler


def test_the_watch_continues_its_list():
    request = watch_of(LISTED, "5", 270)
    assert request.path == LISTED.path
    assert dict(request.query) == {
        "labelSelector": "a=b",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "timeoutSeconds": "270",
    }
    assert watch_of(list_of(WIDGETS, accept=PARTIAL_LIST), "5", 270).accept == PARTIAL_OBJECT


@pytest.mark.asyncio
async def test_the_server_is_asked_to_end_it_at_a_random_time():
    asked = []

    async def handler(request):
        asked.append(int(request.query["timeoutSeconds"]))
        return await streaming(request)

    async with client_of(handler) as client:
        random = Random(3)
        for _ in range(20):
            async for _event in watch(client, LISTED, "5", inactivity=150.0, random=random):
                pass
    assert all(240 <= seconds <= 300 for seconds in asked)
    assert len(set(asked)) > 5


@pytest.mark.asyncio
async def test_lines_become_events_and_empty_ones_are_skipped():
    parts = (line("ADDED", widget("a", "6")), b"\n", line("BOOKMARK", widget("", "8")))
    assert await kinds(answering(*parts)) == ["ADDED", "BOOKMARK"]


@pytest.mark.asyncio
@pytest.mark.parametrize("tail", [b"", b'{"type":"ADD', line("ADDED", widget("b", "7"))[:-3]])
async def test_a_cut_is_a_normal_end_and_its_half_line_is_dropped(tail):
    assert await kinds(answering(line("ADDED", widget("a", "6")), tail, then="cut")) == ["ADDED"]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 200), max_size=20))
def test_lines_do_not_depend_on_how_the_bytes_arrive(sizes):
    body = b"".join(line("ADDED", widget(f"w{i}", str(i))) for i in range(6))
    parts, rest = [], body
    for size in sizes:
        parts.append(rest[:size])
        rest = rest[size:]
    parts.append(rest)
    assert asyncio.run(kinds(answering(*(part for part in parts if part)))) == ["ADDED"] * 6


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_silent_watch_is_given_up(looptime):
    with pytest.raises(Silent):
        await kinds(answering(then="hang"))
    assert float(looptime) == pytest.approx(150, abs=1)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_any_line_puts_the_deadline_off_but_bytes_do_not(looptime):
    async def handler(request):
        response = await streaming(request)
        for _ in range(3):
            await asyncio.sleep(100)
            await response.write(line("BOOKMARK", widget("", "8")))
        for _ in range(100):
            await asyncio.sleep(10)
            await response.write(b" ")
        return response

    with pytest.raises(Silent):
        await kinds(handler)
    assert float(looptime) == pytest.approx(450, abs=1)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_slow_consumer_is_not_the_server_s_silence():
    parts = [line("ADDED", widget("a", str(i))) for i in range(3)]
    async with client_of(answering(*parts)) as client:
        seen = 0
        async for _event in watch(client, LISTED, "5", inactivity=150.0, random=Random(1)):
            seen += 1
            await asyncio.sleep(200)
    assert seen == 3


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (status(410, "Expired", "too old resource version"), Gone),
        (
            status(504, "Timeout", "x", causes=[{"reason": "ResourceVersionTooLarge"}]),
            TooLargeResourceVersion,
        ),
        (status(500, "InternalError", "etcd trouble"), ServerError),
    ],
)
async def test_an_error_event_is_the_same_error_as_its_answer(body, expected):
    with pytest.raises(expected):
        await kinds(answering(line("ERROR", body), then="hang"))


@pytest.mark.asyncio
@pytest.mark.parametrize("garbage", [b"<html>\n", b"[]\n", b"\xff\xfe\n", b'{"type":7}\n', DEEP])
async def test_a_line_that_is_no_event_is_a_bad_answer(garbage):
    with pytest.raises(BadAnswer, match="watch event"):
        await kinds(answering(garbage, then="hang"))


@pytest.mark.asyncio
async def test_a_line_larger_than_any_buffer_arrives_whole():
    big = widget("a", "6")
    big["metadata"]["annotations"] = {"blob": "x" * 3_000_000}
    assert await kinds(answering(line("ADDED", big))) == ["ADDED"]
