from collections.abc import Container
from typing import Any

import msgspec
import pytest
from aiohttp import web

from kube.client.errors import Gone
from kube.client.lists import list_all, pages
from kube.client.requests import list_of
from tests.unit.kube.client.scripted import (
    WIDGETS,
    Handler,
    Widget,
    client_of,
    failure,
    listing,
    widget,
)

DECODER = msgspec.json.Decoder(Widget)


def paged(
    count: int, *, expire_at: Container[int] = (), calls: list[dict[str, str]] | None = None
) -> Handler:
    """A server of `count` widgets in pages; the requests numbered in `expire_at` get 410."""
    seen: list[dict[str, str]] = [] if calls is None else calls

    async def handler(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        if len(seen) in expire_at:
            return failure(410, "Expired", "The provided continue parameter is too old")
        start = int(request.query.get("continue", "0"))
        end = min(count, start + int(request.query["limit"]))
        items = [widget(f"w{i}", str(i)) for i in range(start, end)]
        return listing(items, "77", str(end) if end < count else "")

    return handler


@pytest.mark.asyncio
async def test_pages_follow_the_token_and_keep_the_selector():
    calls: list[dict[str, str]] = []
    async with client_of(paged(7, calls=calls)) as client:
        request = list_of(WIDGETS, "ns", label_selector="a=b")
        sizes = [len(page.items) async for page in pages(client, request, limit=3)]
    assert sizes == [3, 3, 1]
    assert [call.get("continue") for call in calls] == [None, "3", "6"]
    assert {call["labelSelector"] for call in calls} == {"a=b"}
    assert not any("resourceVersion" in call for call in calls)


@pytest.mark.asyncio
async def test_an_expired_token_begins_the_list_anew():
    calls: list[dict[str, str]] = []
    async with client_of(paged(7, expire_at={2, 4}, calls=calls)) as client:
        result = await list_all(client, list_of(WIDGETS), DECODER, limit=3)
    assert [item.metadata.name for item in result.items] == [f"w{i}" for i in range(7)]
    assert result.resource_version == "77"
    assert [call.get("continue") for call in calls] == [None, "3", None, "3", None, "3", "6"]


@pytest.mark.asyncio
async def test_a_list_that_expires_again_and_again_is_given_up():
    async with client_of(paged(7, expire_at=range(100))) as client:
        with pytest.raises(Gone):
            await list_all(client, list_of(WIDGETS), DECODER, limit=3)


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [{"metadata": {}, "items": None}, {}])
async def test_null_and_absent_items_are_an_empty_list(body):
    async def handler(request):
        return web.json_response(body)

    async with client_of(handler) as client:
        assert (await list_all(client, list_of(WIDGETS), DECODER)).items == []


@pytest.mark.asyncio
async def test_undecodable_objects_hide_no_other_and_keep_their_names():
    broken_meta = {"metadata": {"name": "m", "namespace": "ns", "labels": 7}, "size": 1}

    async def handler(request):
        items: list[Any] = [widget("a", "1"), widget("b", "2", "big"), broken_meta, 5]
        return listing([*items, widget("c", "3")], "9")

    async with client_of(handler) as client:
        result = await list_all(client, list_of(WIDGETS), DECODER)
    assert [item.metadata.name for item in result.items] == ["a", "c"]
    named = {item.metadata.name: item.error for item in result.undecodable}
    assert set(named) == {"b", "m", ""}
    assert "$.size" in named["b"]
    assert "$.metadata.labels" in named["m"]
    assert result.undecodable[0].metadata.resource_version == "2"
