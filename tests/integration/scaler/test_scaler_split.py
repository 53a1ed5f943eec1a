"""Row 000: two Deployments with one selector, two autoscalers, one backlog that rises."""

import pytest

from tests.integration.scaler.manifests import LABELS, METRIC, deployment, split
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import World, world

METRIC_WPA, OTHER_WPA = "kodo-x-metric", "kodo-x-queue-only"
BURST = [(0, 400), (60, 9000), (240, 3000), (600, 200)]
PODS = {"start_after": "5s", "ready_after": "40s"}


async def two_consumers(w: World, other: int = 900) -> None:
    """Both Deployments with all pods Ready, both backlogs inside their marks."""
    w.deploy(deployment("kodo-x", 3, LABELS, **PODS))
    w.deploy(deployment("kodo-x-metric", 2, LABELS, **PODS))
    w.metrics.show(METRIC, 400, consumer="kodo-x-metric")
    w.metrics.show(METRIC, other, consumer="kodo-x")
    await w.until(w.clock.now() + 60_000)


def close_to(curve: list[tuple[float, int]], expected: list[tuple[int, int]]) -> bool:
    """Whether the counts are right and each change is made at its evaluation."""
    return [count for _, count in curve] == [count for _, count in expected] and all(
        abs(at - wanted) <= 1 for (at, _), (wanted, _) in zip(curve, expected, strict=True)
    )


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (50, [(90, 4), (120, 8), (900, 6), (960, 5), (1020, 4), (1080, 3), (1140, 2)]),
        (60, [(90, 4), (135, 8), (900, 6), (960, 5), (1020, 4), (1080, 3), (1140, 2)]),
    ],
    ids=["R000-A", "R000-B"],
)
async def test_a_burst_moves_its_own_consumer_along_the_expected_curve(tmp_path, gate, expected):
    async with world(tmp_path) as w:
        await two_consumers(w)
        await w.apply(split(METRIC_WPA, minAvailableReplicaPercentage=gate), split(OTHER_WPA))
        await w.scaler()
        start = w.turn(METRIC_WPA, after=30)
        w.metrics.follow(METRIC, BURST, consumer="kodo-x-metric").start = start
        await w.until(start + 112_000)
        if gate == 60:
            # 105 s: two of four are Ready.
            text = w.condition(METRIC_WPA, "ScalingActive")["message"]
            assert "50 % of the pods are unready, will not autoscale" in text
        await w.until(start + 1_230_000)
        assert close_to(w.curve("kodo-x-metric", start), expected), w.curve("kodo-x-metric", start)
        assert w.curve("kodo-x", start) == []
        assert w.status(METRIC_WPA)["scalingEventsCount"] == len(expected)
        assert len(w.events(METRIC_WPA, "Scaling")) == len(expected)
        assert w.events(OTHER_WPA, "Scaling") == []
        assert w.metrics.users == {"system:serviceaccount:watermark-autoscaler:wpa-scaler"}


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_pods_of_another_owner_under_the_same_selector_do_not_count(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("kodo-x", 3, LABELS, **PODS))
        w.deploy(deployment("kodo-x-metric", 4, LABELS, ready_after="never"))
        w.metrics.show(METRIC, 2000, consumer="kodo-x")
        await w.until(w.clock.now() + 60_000)
        await w.apply(split(OTHER_WPA))
        scaler = await w.scaler()
        start = w.turn(OTHER_WPA, after=30)
        w.metrics.follow(METRIC, [(-60, 2000), (0, 6000)], consumer="kodo-x").start = start
        await w.until(start + 240_000)
        assert close_to(w.curve("kodo-x", start), [(30, 4), (60, 6)]), w.curve("kodo-x", start)
        assert w.curve("kodo-x-metric", start) == []
        seen = (await shown(scaler))[OTHER_WPA]
        assert (seen["ownedPods"], seen["readyPods"], seen["countedPods"]) == (6, 6, 6)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("stale", "expected"),
    [
        # In bounds: the normal path, 30 s above its mark.
        (2, [(302, 2), (345, 3)]),
        # Below the bounds: put right at once, then the normal path.
        (1, [(302, 1), (315, 2), (360, 3)]),
    ],
)
async def test_a_stale_manifest_is_put_right(tmp_path, stale, expected):
    async with world(tmp_path) as w:
        w.deploy(deployment("kodo-x-metric", 8, LABELS, **PODS))
        w.metrics.show(METRIC, 3000, consumer="kodo-x-metric")
        await w.until(w.clock.now() + 60_000)
        await w.apply(split(METRIC_WPA))
        await w.scaler()
        start = w.turn(METRIC_WPA, after=30)
        await w.until(start + 302_000)
        await w.apply(deployment("kodo-x-metric", stale, LABELS, **PODS))
        await w.until(start + 600_000)
        curve = w.curve("kodo-x-metric", start)
        assert close_to(curve, expected), curve
        reasons = [event["message"] for event in w.events(METRIC_WPA, "Scaling")]
        assert len(reasons) == len(expected) - 1
        if stale == 1:
            text = "New size: 2; reason: Current number of replicas below Spec.MinReplicas"
            assert reasons[0] == text


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_overlap_of_selectors_is_told_and_shown(tmp_path):
    async with world(tmp_path) as w:
        await two_consumers(w)
        await w.apply(split(METRIC_WPA), split(OTHER_WPA))
        scaler = await w.scaler()
        await w.until(w.clock.now() + 120_000)
        page = await scrape(scaler)
        for wpa, foreign in ((METRIC_WPA, 3), (OTHER_WPA, 2)):
            (told,) = w.events(wpa, "OverlappingSelector")
            assert told["type"] == "Warning"
            assert told["count"] == 1
            assert page.value("wpa_scaler_foreign_pods", wpa_name=wpa) == foreign
