"""Writes that fail: conflicts, refusals, lost answers (D24)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from sandbox.apiserver.kinds.resources import DEPLOYMENTS
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.world import World, world


async def growing(w: World, **spec: Any) -> int:
    """An object between its marks that wants to go from 2 to 4 at the returned turn."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 1000)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(**spec))
    await w.scaler()
    await w.until(w.clock.now() + 20_000)
    start = w.turn("web", after=5)
    w.metrics.follow("backlog", [(-900, 1000), (0, 4000)]).start = start
    return start


def codes(w: World) -> list[int]:
    """The answers to the writes of the scale."""
    return [call.code for call in w.writes("PUT", "/scale")]


def before_scale_writes(w: World, times: int, act: Callable[[], web.Response | None]) -> None:
    """`act` comes before the first `times` writes of the scale; what it returns is the answer."""
    left = [times]

    async def fault(request: web.Request) -> web.Response | None:
        if request.method == "PUT" and request.path.endswith("/scale") and left[0] > 0:
            left[0] -= 1
            return act()
        return None

    w.faults.append(fault)


def touch(w: World) -> None:
    """Another version of the target, as any status update of a rollout makes."""
    found = w.store.get(DEPLOYMENTS, NAMESPACE, "web")
    labels = found["metadata"].setdefault("labels", {})
    labels["touched"] = str(int(labels.get("touched", "0")) + 1)
    w.store.update(DEPLOYMENTS, NAMESPACE, "web", found)


def refusal(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_conflict_with_the_same_count_is_tried_once_more(tmp_path):  # V-10
    async with world(tmp_path) as w:
        start = await growing(w)
        before_scale_writes(w, 1, lambda: touch(w))
        await w.until(start + 5_000)
        assert codes(w) == [409, 200]
        assert w.replicas("web") == 4
        assert w.condition("web", "AbleToScale")["reason"] == "SuccessfulScale"
        assert w.events("web", "FailedScale") == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_conflict_with_another_count_drops_the_decision(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        before_scale_writes(w, 1, lambda: w.set_replicas("web", 3))
        await w.until(start + 5_000)
        assert codes(w) == [409]
        assert w.replicas("web") == 3
        able = w.condition("web", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "FailedScale")
        assert "was changed from 2 to 3 by someone else" in able["message"]
        assert w.status("web").get("lastScaleTime") is None
        await w.until(start + 20_000)
        assert w.replicas("web") == 4
        assert w.condition("web", "AbleToScale")["reason"] == "SuccessfulScale"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_conflict_upon_conflict_is_given_up_until_the_next_evaluation(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        before_scale_writes(w, 2, lambda: touch(w))
        await w.until(start + 5_000)
        assert codes(w) == [409, 409]
        assert w.replicas("web") == 2
        assert len(w.events("web", "FailedScale")) == 1
        await w.until(start + 20_000)
        assert codes(w) == [409, 409, 200]
        assert w.replicas("web") == 4


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("code", "reason"), [(403, "Forbidden"), (422, "Invalid"), (500, "InternalError")]
)
async def test_a_refused_write_is_told_every_time_and_starts_no_window(tmp_path, code, reason):
    async with world(tmp_path) as w:
        start = await growing(w)
        before_scale_writes(w, 3, lambda: refusal(code, reason, "no quota left"))
        await w.until(start + 35_000)
        assert codes(w) == [code] * 3
        assert w.replicas("web") == 2
        (event,) = w.events("web", "FailedScale")
        assert event["count"] == 3
        assert event["type"] == "Warning"
        assert event["message"].startswith("New size: 4; reason: backlog")
        assert "no quota left" in event["message"]
        status = w.status("web")
        assert status.get("lastScaleTime") is None
        assert status["scalingEventsCount"] == 0
        await w.until(start + 50_000)
        assert w.replicas("web") == 4


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_write_whose_answer_is_lost_counts_if_it_was_done(tmp_path):  # V-10
    """Otherwise no forbidden window would follow it."""
    async with world(tmp_path) as w:
        start = await growing(w, scaleUpLimitFactor=50)
        lost: list[str] = []

        async def fault(request: web.Request) -> web.Response | None:
            if request.method == "PUT" and request.path.endswith("/scale") and not lost:
                lost.append(request.path)
                w.set_replicas("web", json.loads(await request.read())["spec"]["replicas"])
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return None

        w.faults.append(fault)
        await w.until(start + 5_000)
        assert lost
        assert w.replicas("web") == 3
        assert w.condition("web", "AbleToScale")["reason"] == "SuccessfulScale"
        assert w.status("web")["scalingEventsCount"] == 1
        await w.until(start + 55_000)
        assert w.replicas("web") == 3, "the window of 60 s counts"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_last_scaling_survives_status_writes_that_fail(tmp_path):  # V-10
    async with world(tmp_path) as w:
        start = await growing(w, scaleUpLimitFactor=50)
        down = [True]

        async def fault(request: web.Request) -> web.Response | None:
            if down[0] and request.method == "PATCH" and request.path.endswith("/status"):
                return refusal(500, "InternalError", "etcd is away")
            return None

        await w.until(start - 1_000)
        w.faults.append(fault)
        await w.until(start + 40_000)
        assert w.replicas("web") == 3
        assert w.status("web").get("lastScaleTime") is None
        down[0] = False
        await w.until(start + 50_000)
        status = w.status("web")
        assert (
            status["lastScaleTime"]
            == w.condition("web", "AboveHighWatermark")["lastTransitionTime"]
        )
        assert status["scalingEventsCount"] == 1
        assert w.replicas("web") == 3
        await w.until(start + 80_000)
        assert w.replicas("web") == 4
