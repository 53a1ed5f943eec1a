"""Reading DatadogMonitors: every answer is a state or an error, never an exception."""

from typing import Any

import pytest
from aiohttp import web

from scaler.core.lifecycle import Monitor
from scaler.shell.monitors import Monitors
from tests.unit.kube.client.scripted import client_of, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


async def read(answer: web.Response) -> Monitor:
    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.path == "/apis/datadoghq.com/v1alpha1/namespaces/shop/datadogmonitors/web"
        return answer

    async with client_of(handle) as client:
        return await Monitors(client).read("shop", "web")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"monitorState": "OK"}, "OK"),
        ({"monitorState": "No Data"}, "No Data"),
        ({"monitorState": ""}, ""),
        ({"monitorState": None}, None),
        ({"monitorState": {"a": 1}}, None),
        ({"monitorstate": "OK"}, None),
        ({}, None),
        (None, None),
        ("OK", None),
        ([], None),
    ],
)
async def test_the_state_is_whatever_text_is_there(status: Any, state: str | None):
    assert await read(web.json_response({"status": status})) == Monitor(state)


@pytest.mark.parametrize(
    "answer",
    [
        failure(404, "NotFound"),
        failure(403, "Forbidden"),
        web.Response(text="<html>"),
        web.json_response([]),
    ],
    ids=["missing", "denied", "not json", "no object"],
)
async def test_what_cannot_be_read_has_an_error(answer: web.Response):
    found = await read(answer)
    assert found.error
    assert found.blocks == "monitor_unreadable"
