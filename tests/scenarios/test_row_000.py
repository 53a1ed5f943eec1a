"""Row 000, what no curve alone shows: outages, partial sums, rollouts."""

import pytest
from msgspec import structs

from tests.scenarios.recorded import Recorded, Scrape, sample, shipped_rule
from tests.scenarios.scenario import load
from tests.scenarios.stage import Stage, staged

RULE = shipped_rule("kodo-backlog.yaml", "kodo:nsq_backlog:sum", consumer="kodo-x-metric")
UNGUARDED = RULE.partition("and on ()")[0]
EXPORTERS = ("nsqd", "nsqd2", "nsqd3")
GONE = (600, 1020)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_outage_is_told_and_its_value_is_not_shown(tmp_path):  # R000-D
    scenario = load("R000-D-outage")
    async with staged(tmp_path, scenario) as stage:
        await stage.at(585)
        shown = (await stage.scrape()).value("wpa_controller_value", wpa_name=stage.name)
        assert shown == 375_000
        assert stage.events("FailedGetExternalMetric") == []
        for second in (600, 705):
            await stage.at(second)
            active = stage.condition("ScalingActive")
            assert (active["status"], active["reason"]) == ("False", "FailedGetExternalMetric")
            page = await stage.scrape()
            assert page.values("wpa_controller_value", wpa_name=stage.name) == []
            assert page.value("wpa_controller_scaling_active", wpa_name=stage.name) == 0
        (text,) = stage.events("FailedGetExternalMetric")
        assert "no metrics returned from external metrics API" in text
        await stage.at(720)
        assert stage.condition("ScalingActive")["reason"] == "ValidMetricFound"
        page = await stage.scrape()
        assert page.value("wpa_controller_value", wpa_name=stage.name) == 25_000


def queue(second: float) -> Scrape:
    """Three exporters, one of which holds most of the backlog and is gone for a while.

    A paused channel waits as well, which no consumer can help. One topic has no channel yet; what
    the other one says of itself is in its channels already.
    """
    said = {}
    for exporter, waiting in zip(EXPORTERS, (200.0, 60.0, 2700.0), strict=True):
        gone = exporter == "nsqd3" and GONE[0] <= second < GONE[1]
        said[sample("up", job="nsq-exporter", instance=exporter)] = float(not gone)
        topics = {"df_metric_1": 500.0, "df_metric_new": 20.0 if exporter == "nsqd" else 10.0}
        channels = {"false": waiting, "true": 50_000.0}
        if not gone:
            where = {"job": "nsq-exporter", "instance": exporter}
            for topic, depth in topics.items():
                said[sample("nsq_topic_depth", **where, topic=topic, paused="false")] = depth
            for paused, depth in channels.items():
                labels = where | {"topic": "df_metric_1", "channel": paused, "paused": paused}
                said[sample("nsq_channel_depth", **labels)] = depth
    return said


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # No sample while an exporter is away: nothing is known, so nothing moves.
        (RULE, []),
        # Without the guard the sum of the rest looks like a fall, and eight become six.
        (UNGUARDED, [(900, 6), (960, 5)]),
    ],
    ids=["guarded", "unguarded"],
)
async def test_a_partial_sum_must_not_look_like_a_fall(tmp_path, rule, expected):
    """K-04, K-05, K-06: all exporters, no paused channel, topics that have no channel."""
    scenario = load("R000-E-in-bounds")
    scenario = structs.replace(scenario, by_hand=[], until=1000)

    def record(stage: Stage) -> None:
        series = Recorded({"consumer": "kodo-x-metric"}, rule, queue)
        stage.series["kodo_x_queue_backlog"] = series
        stage.world.metrics.series["kodo_x_queue_backlog"] = [series]

    async with staged(tmp_path, scenario, record) as stage:
        await stage.at(300)
        assert (await stage.page())["metrics"][0]["sum"] == "3k"
        await stage.at(615)
        assert stage.condition("BelowLowWatermark")["status"] == ("True" if expected else "False")
        await stage.play()
        assert stage.curve() == expected


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_rollout_restart_changes_no_count(tmp_path):  # K-09
    async with staged(tmp_path, load("R000-A-other")) as stage:
        await stage.at(60)
        before = {pod["metadata"]["uid"] for pod in stage.pods()}
        stage.restart()
        await stage.at(600)
        after = {pod["metadata"]["uid"] for pod in stage.pods()}
        assert len(after) == 3
        assert not before & after
        assert stage.curve() == []
        assert stage.world.writes("PUT") == []
