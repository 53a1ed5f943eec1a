"""Events: scaling always, everything else when it changes (D23)."""

from typing import Any

import pytest

from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.world import World, world


async def waves(w: World, **settings: Any) -> None:
    """Twenty minutes in which the count goes up twice and down twice."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 1000)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(downscaleForbiddenWindowSeconds=60))
    await w.scaler(**settings)
    start = w.turn("web", after=30)
    steps = [(-900, 1000), (0, 4000), (300, 200), (700, 4000), (1000, 200)]
    w.metrics.follow("backlog", steps).start = start
    await w.until(start + 1_300_000)
    assert [count for _, count in w.curve("web", start)] == [4, 2, 4, 2]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_each_scaling_is_told_and_a_quiet_time_once(tmp_path):
    async with world(tmp_path) as w:
        await waves(w)
        scaled = w.events("web", "Scaling")
        up = "New size: 4; reason: backlog{map[]} above target"
        down = "New size: 2; reason: All metrics below target"
        assert sum(event["count"] for event in scaled) == 4
        assert [event["message"] for event in scaled] == [up, down, up, down]
        quiet = w.events("web", "NotScaling")
        # Before the first, and after each of the four: in a window, then between the marks.
        assert 5 <= sum(event["count"] for event in quiet) <= 13
        assert all(
            event["message"].startswith("Decided not to scale Deployment/") for event in quiet
        )


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_event_is_about_its_object_as_describe_looks_it_up(tmp_path):
    async with world(tmp_path) as w:
        await waves(w)
        event = w.events("web", "Scaling")[0]
        about = event["involvedObject"]
        assert about["uid"] == w.wpa("web")["metadata"]["uid"]
        assert (about["kind"], about["namespace"], about["name"]) == (
            "WatermarkPodAutoscaler",
            NAMESPACE,
            "web",
        )
        assert about["apiVersion"] == "datadoghq.com/v1alpha1"
        assert event["source"]["component"] == "wpa_controller"
        assert event["type"] == "Normal"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_quiet_flag_turns_not_scaling_into_a_condition(tmp_path):
    async with world(tmp_path) as w:
        await waves(w, skip_not_scaling_events=True)
        assert w.events("web", "NotScaling") == []
        assert sum(event["count"] for event in w.events("web", "Scaling")) == 4
        active = w.condition("web", "ScalingActive")
        assert (active["status"], active["reason"]) == ("True", "NotScaling")
        assert "decided not to scale" in active["message"]
        w.set_replicas("web", 0)
        await w.until(w.clock.now() + 20_000)
        assert w.condition("web", "ScalingActive")["reason"] == "ScalingDisabled"
