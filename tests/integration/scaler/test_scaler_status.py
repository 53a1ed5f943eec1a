"""The status: complete, in order, and written only when a reader would see a difference (D22)."""

import itertools
from typing import Any

import pytest

from kube.vocab.quantity import parse_milli
from tests.integration.scaler.backend import Series
from tests.integration.scaler.gate import Call
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.world import World, world

HOUR = 3_600_000


async def settled(w: World, **spec: Any) -> Series:
    """An object between its marks, a minute after its first evaluation."""
    w.deploy(deployment("web", 2))
    series = w.metrics.show("backlog", 1000)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(**spec))
    await w.scaler()
    await w.until(w.clock.now() + 75_000)
    return series


def patches(w: World) -> list[Call]:
    """The status writes so far."""
    return w.writes("PATCH", "/status")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_steady_object_causes_no_write_in_an_hour(tmp_path):
    async with world(tmp_path) as w:
        await settled(w)
        first = len(w.calls)
        await w.until(w.clock.now() + HOUR)
        later = w.calls[first:]
        assert [call for call in later if call.method != "GET"] == []
        asked = [call for call in later if call.path.endswith("/scale")]
        assert 239 <= len(asked) <= 241
        assert [(one["reason"], one["count"]) for one in w.events("web")] == [("NotScaling", 1)]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_mere_values_are_written_once_a_minute_and_decisions_at_once(tmp_path):
    async with world(tmp_path) as w:
        series = await settled(w)
        first, start = len(patches(w)), w.clock.now()
        series.steps = [(second, 600 + second % 97) for second in range(0, 1200, 5)]
        series.start = start
        await w.until(start + 1_000_000)
        times = [call.at for call in patches(w)[first:]]
        assert 14 <= len(times) <= 17
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert min(gaps) >= 60_000
        shown = w.status("web")["currentMetrics"][0]["external"]
        assert shown["metricName"] == "backlog"
        assert 300 <= parse_milli(shown["currentValue"]) / 1000 <= 349

        await w.until(patches(w)[-1].at + 20_000)
        w.metrics.show("backlog", 4000)
        changed = w.clock.now()
        await w.until(changed + 16_000)
        assert patches(w)[-1].at >= changed
        assert w.status("web")["desiredReplicas"] == 4


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_status_is_complete_and_in_order(tmp_path):
    async with world(tmp_path) as w:
        await settled(w)
        status = w.status("web")
        assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 2)
        assert status["observedGeneration"] == w.wpa("web")["metadata"]["generation"] == 1
        assert [one["type"] for one in status["conditions"]] == sorted(
            (one["type"] for one in status["conditions"]),
            key=lambda kind: w.condition("web", kind)["lastTransitionTime"],
            reverse=True,
        )
        assert {one["type"]: one["status"] for one in status["conditions"]} == {
            "ScalingActive": "True",
            "AbleToScale": "True",
            "ScalingLimited": "False",
            "DryRun": "False",
            "AboveHighWatermark": "False",
            "BelowLowWatermark": "False",
            "ConvergeToWatermark": "False",
        }
        last = (status["lastConditionType"], status["lastConditionState"])
        assert last == ("ScalingLimited", "False")

        w.metrics.show("backlog", 4000)
        turn = w.turn("web")
        await w.until(turn + 5_000)
        status = w.status("web")
        last = (status["lastConditionType"], status["lastConditionState"])
        assert last == ("AbleToScale", "True")
        assert w.condition("web", "AbleToScale")["reason"] == "SuccessfulScale"
        assert status["scalingEventsCount"] == 1
        assert status["conditions"][0]["type"] == "AboveHighWatermark", "the newest comes first"
        # In its forbidden windows after it.
        await w.until(turn + 20_000)
        able = w.condition("web", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "BackoffBoth")
        assert w.status("web")["currentReplicas"] == 4

        await w.patch("web", b'{"spec": {"maxReplicas": 12}}')
        await w.until(w.clock.now() + 2_000)
        assert w.status("web")["observedGeneration"] == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_both_counts_are_there_before_anything_could_be_read(tmp_path):
    async with world(tmp_path) as w:
        await w.apply(autoscaler())
        await w.scaler()
        await w.until(w.clock.now() + 20_000)
        status = w.status("web")
        assert (status["currentReplicas"], status["desiredReplicas"]) == (0, 0)
        assert status["observedGeneration"] == 1
