"""What people do to targets: dry runs, counts set by hand, objects that vanish (D14, D18)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from sandbox.apiserver.kinds.resources import DEPLOYMENTS
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.pages import scrape
from tests.integration.scaler.world import World, world

MAX_TEXT = "New size: 10; reason: Current number of replicas above Spec.MaxReplicas"


async def running(w: World, replicas: int = 2, backlog: float | None = 1000, **spec: Any) -> None:
    """A scaler with the object `web`, evaluated."""
    w.deploy(deployment("web", replicas))
    w.metrics.show("backlog", backlog)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(**spec))
    await w.scaler()
    await w.until(w.clock.now() + 20_000)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_dry_run_writes_no_scale_and_shows_what_it_would_write(tmp_path):
    async with world(tmp_path) as w:
        await running(w, dryRun=True, upscaleDelayAboveWatermarkSeconds=60)
        start = w.turn("web", after=5)
        w.metrics.follow("backlog", [(0, 1000), (0, 8000)]).start = start
        await w.until(start + 50_000)
        assert w.status("web")["desiredReplicas"] == 2, "the delay is closed still"
        await w.until(start + 600_000)
        status = w.status("web")
        assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 4)
        assert status.get("lastScaleTime") is None
        assert status["scalingEventsCount"] == 0
        assert w.replicas("web") == 2
        assert w.writes("PUT") == []
        assert w.events("web", "Scaling") == []
        dry = w.condition("web", "DryRun")
        assert (dry["status"], dry["reason"]) == ("True", "DryRun mode enabled")
        assert w.condition("web", "AbleToScale")["reason"] == "ReadyForScale"
        page = await scrape(w.running[0])
        assert page.value("wpa_controller_replicas_scaling_effective", wpa_name="web") == 4
        assert page.value("wpa_controller_upscale_replicas_total", wpa_name="web") == 0


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_count_set_by_hand_stays_inside_the_bounds_and_is_put_right_outside(tmp_path):
    async with world(tmp_path) as w:
        await running(w, minReplicas=2)
        w.set_replicas("web", 5)
        await w.until(w.clock.now() + 120_000)
        assert w.replicas("web") == 5, "200 per pod is between the marks"
        assert w.writes("PUT") == []
        w.metrics.show("backlog", None)
        await w.until(w.clock.now() + 20_000)
        for by_hand, bound in ((30, 10), (1, 2)):
            w.set_replicas("web", by_hand)
            await w.until(w.clock.now() + 16_000)
            assert w.replicas("web") == bound, "bounds work without a metric, windows do not count"
        assert [event["message"] for event in w.events("web", "Scaling")] == [
            MAX_TEXT,
            "New size: 2; reason: Current number of replicas below Spec.MinReplicas",
        ]
        assert w.status("web")["scalingEventsCount"] == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_zero_switches_autoscaling_off_until_somebody_sets_a_count(tmp_path):
    async with world(tmp_path) as w:
        await running(w)
        w.metrics.show("backlog", 8000)
        w.set_replicas("web", 0)
        await w.until(w.clock.now() + 120_000)
        assert w.replicas("web") == 0
        active = w.condition("web", "ScalingActive")
        assert (active["status"], active["reason"]) == ("False", "ScalingDisabled")
        text = "scaling is disabled since the replica count of the target is zero"
        assert active["message"] == text
        assert w.status("web")["desiredReplicas"] == 0
        w.set_replicas("web", 2)
        await w.until(w.clock.now() + 40_000)
        assert w.replicas("web") == 4
        assert w.condition("web", "ScalingActive")["status"] == "True"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_target_whose_pods_never_start_is_held(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 3, ready_after="never"))
        w.metrics.show("backlog", 9000)
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 60_000)
        assert w.replicas("web") == 3
        assert "among the 3 pods, none is ready" in w.condition("web", "ScalingActive")["message"]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_missing_target_is_said_once_and_found_when_it_comes(tmp_path):
    async with world(tmp_path) as w:
        w.metrics.show("backlog", 4000)
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 90_000)
        able = w.condition("web", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "FailedProcessWPA")
        assert 'deployments.apps "web" not found' in able["message"]
        assert [event["count"] for event in w.events("web", "FailedProcessWPA")] == [1]
        status = w.status("web")
        assert (status["currentReplicas"], status["desiredReplicas"]) == (0, 0)
        w.deploy(deployment("web", 2))
        await w.until(w.clock.now() + 40_000)
        assert w.replicas("web") == 4


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_kind_that_nobody_serves_is_named(tmp_path):
    async with world(tmp_path) as w:
        wpa = autoscaler()
        wpa["spec"]["scaleTargetRef"]["kind"] = "Balloon"
        await w.apply(wpa)
        await w.scaler()
        await w.until(w.clock.now() + 40_000)
        assert 'no matches for kind "Balloon"' in w.condition("web", "AbleToScale")["message"]


class MidEvaluation:
    """Holds the first answer about a metric back until something was `done` meanwhile."""

    def __init__(self, w: World, meanwhile: Callable[[], None]) -> None:
        self.happened = False
        self._meanwhile = meanwhile
        w.faults.append(self)

    async def __call__(self, request: web.Request) -> None:
        if "external.metrics" in request.path and not self.happened:
            self.happened = True
            self._meanwhile()
            # Watches bring it to the scaler before the answer does.
            await asyncio.sleep(1)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("again", [False, True], ids=["deleted", "made-anew"])
async def test_an_object_deleted_during_its_evaluation_scales_nothing(tmp_path, again):
    async with world(tmp_path) as w:
        await running(w)

        def delete() -> None:
            w.store.delete(w.wpas, NAMESPACE, "web")
            if again:
                w.put(autoscaler(dryRun=True))

        w.metrics.show("backlog", 8000)
        mid = MidEvaluation(w, delete)
        await w.until(w.clock.now() + 40_000)
        assert mid.happened
        assert w.replicas("web") == 2
        assert w.writes("PUT") == []
        if again:
            status = w.status("web")
            assert status["desiredReplicas"] == 4
            assert status.get("lastScaleTime") is None
        assert (await scrape(w.running[0])).values(
            "wpa_scaler_evaluations_total", rule="crash"
        ) == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_dry_run_switched_on_during_an_evaluation_counts(tmp_path):
    async with world(tmp_path) as w:
        await running(w)

        def protect() -> None:
            wpa = w.wpa("web")
            wpa["spec"]["dryRun"] = True
            w.store.update(w.wpas, NAMESPACE, "web", wpa)

        w.metrics.show("backlog", 8000)
        mid = MidEvaluation(w, protect)
        await w.until(w.clock.now() + 40_000)
        assert mid.happened
        assert w.replicas("web") == 2
        assert w.condition("web", "DryRun")["status"] == "True"
        assert w.status("web")["desiredReplicas"] == 4


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_target_deleted_during_an_evaluation_ends_in_a_condition(tmp_path):
    async with world(tmp_path) as w:
        await running(w)
        w.metrics.show("backlog", 8000)

        def delete() -> None:
            w.store.delete(DEPLOYMENTS, NAMESPACE, "web")

        mid = MidEvaluation(w, delete)
        await w.until(w.turn("web", after=14) + 5_000)
        assert mid.happened
        failed = w.events("web", "FailedScale")
        assert len(failed) == 1
        assert failed[0]["message"].startswith("New size: 4; reason: backlog")
        assert "not found" in failed[0]["message"]
        await w.until(w.clock.now() + 20_000)
        assert w.condition("web", "AbleToScale")["reason"] == "FailedProcessWPA"
        assert w.status("web").get("lastScaleTime") is None
