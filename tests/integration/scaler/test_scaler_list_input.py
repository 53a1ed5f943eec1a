"""What a broken server or proxy sends in place of autoscalers: one line in the log, and no harm."""

import asyncio
import json

import pytest
import structlog
from aiohttp import web
from structlog.testing import LogCapture

from scaler import app
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import AUTOSCALERS, World, world


def nonsense(w: World, lines: list[bytes]) -> None:
    """Have the scaler's watches of autoscalers answered by `lines`; lists stay right."""

    async def fault(request: web.Request) -> web.StreamResponse | None:
        query = request.query
        if not request.path.endswith("/" + AUTOSCALERS.plural) or "watch" not in query:
            return None
        if "sendInitialEvents" in query or request.headers["User-Agent"] != "wpa-controller":
            return None
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"".join(lines))
        await asyncio.sleep(3600)
        return response

    w.faults.append(fault)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_watch_of_nonsense_is_one_line_in_the_log_and_the_objects_are_served(
    tmp_path, monkeypatch
):
    heard = LogCapture()
    wrapper = structlog.make_filtering_bound_logger(0)
    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[heard], wrapper_class=wrapper)
    monkeypatch.setattr(app, "_log", log)
    events = [{"type": "ADDED", "object": {"metadata": None}}, {"type": "ADDED", "object": {}}]
    lines = [json.dumps(event).encode() + b"\n" for event in events] * 100
    async with world(tmp_path) as w:
        nonsense(w, lines)
        w.metrics.show("backlog", 500)
        w.deploy(deployment("web", 2))
        await w.apply(autoscaler())
        running = await w.scaler()
        await w.eventually(lambda: w.status("web"))
        await asyncio.sleep(120)
        assert set(await shown(running)) == {"web"}
        relists = (await scrape(running)).value("wpa_scaler_relists_total", reason="error")
        w.metrics.show("backlog", 4000)
        await w.eventually(lambda: w.replicas("web") == 4)
    # A list every few seconds with growing pauses, not one for each event.
    assert 5 < relists < 60
    said = [line for line in heard.entries if line["event"] == "Cannot list or watch autoscalers"]
    assert len(said) == 1
    assert "without a name" in said[0]["error"]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("pod", [None, {"metadata": {"name": 7}}, {"status": {"phase": 1}}])
async def test_a_pod_that_cannot_be_read_is_not_one_that_is_not_there(tmp_path, pod):
    async def fault(request: web.Request) -> web.Response | None:
        broken = request.method == "GET" and request.path.endswith("/pods")
        ours = request.headers["User-Agent"] == "wpa-controller"
        return web.json_response({"items": [pod]}) if broken and ours else None

    async with world(tmp_path) as w:
        w.metrics.show("backlog", 10)
        w.deploy(deployment("web", 4))
        await w.apply(autoscaler(downscaleForbiddenWindowSeconds=1))
        w.faults.append(fault)
        await w.scaler()
        await w.eventually(lambda: w.condition("web", "ScalingActive"))
        await asyncio.sleep(60)
        active = w.condition("web", "ScalingActive")
        assert (active["status"], w.replicas("web")) == ("False", 4)
        assert "unable to get pods while calculating replica count" in active["message"]
