import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from aiohttp import web

from kube.client.events import EventRecorder, ObjectReference
from kube.vocab.times import LoopClock
from tests.unit.kube.client.scripted import client_of, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

WPA = ObjectReference("datadoghq.com/v1alpha1", "WatermarkPodAutoscaler", "ns", "w", "u1", "5")


class Server:
    """Keeps events; `faults` are answered first."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self.faults: list[web.Response] = []
        self.asked = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.faults:
            return self.faults.pop(0)
        body = await request.json()
        if request.method == "POST":
            assert request.path == f"/api/v1/namespaces/{body['metadata']['namespace']}/events"
            self.events[body["metadata"]["name"]] = body
            return web.json_response(body, status=201)
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        name = request.path.rpartition("/")[2]
        if name not in self.events:
            return failure(404, "NotFound")
        self.events[name].update(body)
        return web.json_response(self.events[name])


@asynccontextmanager
async def recording(server: Server, **options: Any):
    async with client_of(server.handle) as client:
        clock = LoopClock(1_700_000_000_000)
        recorder = EventRecorder(
            client, "wpa-scaler", host="pod-1", clock=clock, random=Random(1), **options
        )
        work = asyncio.ensure_future(recorder.run())
        try:
            yield recorder
        finally:
            work.cancel()
            await asyncio.wait({work})
            assert work.cancelled()


async def test_an_event_says_what_happened_to_which_object():
    server = Server()
    async with recording(server) as recorder:
        recorder.record(WPA, "Normal", "SuccessfulRescale", "New size: 5")
        await recorder.drained()
    (event,) = server.events.values()
    assert event["metadata"]["name"].startswith("w.")
    assert event["involvedObject"] == {
        "apiVersion": "datadoghq.com/v1alpha1",
        "kind": "WatermarkPodAutoscaler",
        "namespace": "ns",
        "name": "w",
        "uid": "u1",
        "resourceVersion": "5",
    }
    assert event["source"] == {"component": "wpa-scaler", "host": "pod-1"}
    assert (event["type"], event["reason"], event["message"], event["count"]) == (
        "Normal",
        "SuccessfulRescale",
        "New size: 5",
        1,
    )
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2023-11-14T22:13:20Z"


async def test_the_same_event_again_raises_its_count():
    server = Server()
    async with recording(server) as recorder:
        for _ in range(3):
            recorder.record(WPA, "Warning", "FailedGetScale", "no")
            await recorder.drained()
            await asyncio.sleep(60)
        recorder.record(WPA, "Warning", "FailedGetScale", "another no")
        recorder.record(WPA, "Warning", "FailedGetScale", "another no")
        await recorder.drained()
    first, second = server.events.values()
    assert (first["count"], first["lastTimestamp"]) == (3, "2023-11-14T22:15:20Z")
    assert first["firstTimestamp"] == "2023-11-14T22:13:20Z"
    assert second["count"] == 2
    assert (recorder.stats.created, recorder.stats.counted_up) == (2, 2)


async def test_an_event_the_server_forgot_is_written_anew():
    server = Server()
    async with recording(server) as recorder:
        recorder.record(WPA, "Normal", "A", "a")
        await recorder.drained()
        server.events.clear()
        recorder.record(WPA, "Normal", "A", "a")
        await recorder.drained()
    (event,) = server.events.values()
    assert event["count"] == 1


async def test_a_full_queue_drops_and_counts_but_keeps_what_must_stay():
    server = Server()
    async with recording(server, capacity=2) as recorder:
        recorder.record(WPA, "Normal", "A", "1")
        recorder.record(WPA, "Normal", "A", "2")
        recorder.record(WPA, "Normal", "A", "3")
        recorder.record(WPA, "Normal", "SuccessfulRescale", "4", keep=True)
        recorder.record(WPA, "Normal", "SuccessfulRescale", "5", keep=True)
        await recorder.drained()
    assert {event["message"] for event in server.events.values()} == {"4", "5"}
    assert recorder.stats.dropped == 3


async def test_trouble_is_retried_and_a_refusal_is_not():
    server = Server()
    server.faults = [failure(500, "x"), failure(429, "x", retryAfterSeconds=2)]
    async with recording(server) as recorder:
        recorder.record(WPA, "Normal", "A", "a")
        await recorder.drained()
        assert len(server.events) == 1
        server.faults = [failure(403, "Forbidden", "namespace is being terminated")]
        recorder.record(WPA, "Normal", "B", "b")
        await recorder.drained()
        assert recorder.stats.dropped == 1
        assert "terminated" in recorder.stats.last_error
        server.faults = [failure(500, "x") for _ in range(9)]
        recorder.record(WPA, "Normal", "C", "c")
        await recorder.drained()
        assert recorder.stats.dropped == 2
        server.faults = []
        recorder.record(WPA, "Normal", "D", "d")
        await recorder.drained()
    assert {event["reason"] for event in server.events.values()} == {"A", "D"}


async def test_events_about_cluster_scoped_objects_live_in_default():
    server = Server()
    async with recording(server) as recorder:
        recorder.record(ObjectReference("v1", "Node", "", "n", "u"), "Normal", "A", "a" * 3000)
        await recorder.drained()
    (event,) = server.events.values()
    assert event["metadata"]["namespace"] == "default"
    assert len(event["message"]) == 1024
