"""Each line that a user may grep for, with upstream's text and keys (§24, W-G01 to W-G13)."""

from typing import Any

import pytest

from kube.vocab.times import SECOND, format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.log_lines import Line, log_lines
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale, Timer
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import Spec
from scaler.core.wire import TargetReference
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

README = Spec(
    namespace="datadog",
    name="example",
    target=TargetReference("Deployment", "some-app", "apps/v1"),
    min_replicas=1,
    max_replicas=20,
    metrics=(Metric("External", "utilization", 60_000, 35_000),),
    tolerance=10,
    down_delay=3300,
    up_factor=50_000,
    down_factor=20_000,
)
"""The object of the README's log sample: 33959m under a low mark of 35, 8 ready, 1 %."""
NONE = Applied()
REFERENCE = "Deployment/datadog/some-app"
AT = NOW - 5 * SECOND


def seen(replicas: int, *readings: Reading, memory: Memory | None = None) -> Observed:
    pods = PodCounts(replicas + 1, replicas, replicas, replicas, 0, 1)
    scale = Scale(replicas, replicas, "app=some-app")
    return Observed(scale=scale, pods=pods, readings=readings, memory=memory or Memory())


def said(
    spec: Spec, world: Observed, applied: Applied = NONE, *, changed: bool = True
) -> list[Line]:
    return list(log_lines(spec, decide(spec, world, NOW), applied, changed=changed))


def line(lines: list[Line], message: str) -> Line:
    (found,) = [one for one in lines if one.message == message]
    return found


def fields(spec: Spec, world: Observed, message: str, applied: Applied = NONE) -> Any:
    return line(said(spec, world, applied), message).fields


BELOW = Reading("ok", 33_959, 1, AT)
SINCE = NOW - 965 * SECOND
WAITING = Memory(below=Timer(True, SINCE), below_seen=NOW - 15 * SECOND)
SAMPLE = seen(8, BELOW, memory=WAITING)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Target deploy", {"replicas": 8, "specReplicas": 8}),
        (
            "getReadyPodsCount",
            {
                "full podList length": 9,
                "toleratedAsReadyPodCount": 8,
                "incorrectly targeted pods": 1,
            },
        ),
        ("Metrics from the External Metrics Provider", {"metrics": [33_959], "series": 1}),
        (
            "Value is below lowMark",
            {
                "usage": "33959m",
                "replicaCount": 7,
                "currentReadyReplicas": 8,
                "tolerance (%)": 1,
                "adjustedLM": 34_650,
                "adjustedHM": 60_600,
                "adjustedUsage": 33_959,
            },
        ),
        (
            "Proposing replicas",
            {
                "proposedReplicas": 7,
                "metricName": "utilization{map[]}",
                "reference": REFERENCE,
                "metric timestamp": "Tue, 15 Nov 2022 03:53:20 UTC",
            },
        ),
        ("Normalized Desired replicas", {"desiredReplicas": 7}),
        (
            "Cooldown status",
            {"backoffUp": False, "backoffDown": False, "desiredReplicas": 7, "currentReplicas": 8},
        ),
        ("Will not scale: value has not been out of bounds for long enough", {"time_left": 2335}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_readme_sample(message, expected):
    at = 1_668_484_400 * SECOND  # Tue, 15 Nov 2022 03:53:20 UTC
    moved = (at - AT) // SECOND
    memory = Memory(below=Timer(True, SINCE + moved * SECOND), below_seen=at - 10 * SECOND)
    world = seen(8, Reading("ok", 33_959, 1, at), memory=memory)
    decision = decide(README, world, at + 5 * SECOND)
    lines = list(log_lines(README, decision, Applied(), changed=True))
    assert line(lines, message).fields == expected


def test_the_lines_come_in_the_order_of_the_rules():
    assert [one.message for one in said(README, SAMPLE)] == [
        "Target deploy",
        "getReadyPodsCount",
        "Metrics from the External Metrics Provider",
        "Value is below lowMark",
        "External Metric replica calculation",
        "Proposing replicas",
        "Normalized Desired replicas",
        "Cooldown status",
        "Will not scale: value has not been out of bounds for long enough",
        "Decided",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2_000_000, "Value is above highMark"),
        (500_000, "Within bounds of the watermarks"),
        (50_000, "Value is below lowMark"),
    ],
)
def test_where_the_value_lies(value, message):
    found = fields(plain_spec(), look(4, good(value)), message)
    assert found["currentReadyReplicas"] == 4
    assert found["adjustedUsage"] == value


def test_marks_are_exact_beyond_64_bits_and_between_thousandths():
    high = 10**30 + 100
    spec = plain_spec(metrics=(metric(high, 150),), tolerance=10)
    found = fields(spec, look(4, good(high)), "Within bounds of the watermarks")
    assert found["adjustedHM"] == 1_010_000_000_000_000_000_000_000_000_101
    assert found["adjustedLM"] == 148.5


def test_an_untolerated_zero_is_compared_with_nothing():
    messages = [one.message for one in said(plain_spec(), look(4, good(0)))]
    assert "Within bounds of the watermarks" not in messages
    assert "External Metric replica calculation" in messages


@pytest.mark.parametrize(
    ("factor", "replicas", "value", "message", "expected"),
    [
        (
            {"up_factor": 50_000, "max_replicas": 20},
            6,
            5_000_000,
            "Upscaling rate higher than limit set by 'ScaleUpLimitFactor', capping the maximum "
            "upscale to 'maximumAllowedReplicas'",
            {"scaleUpLimitFactor": "50.0", "wpaMaxReplicas": 20, "maximumAllowedReplicas": 9},
        ),
        (
            {"down_factor": 20_000, "min_replicas": 2},
            10,
            50_000,
            "Downscaling rate higher than limit set by `scaleDownLimitFactor`, capping the maximum "
            "downscale to 'minimumAllowedReplicas'",
            {"scaleDownLimitFactor": "20.0", "wpaMinReplicas": 2, "minimumAllowedReplicas": 8},
        ),
    ],
)
def test_velocity_caps(factor, replicas, value, message, expected):
    """W-G08: 6 to 9 at 50 %."""
    assert fields(plain_spec(**factor), look(replicas, good(value)), message) == expected


def test_what_a_limit_returns():
    """W-G09."""
    world = look(6, good(5_000_000))
    message = "Returning replicas, condition and reason"
    assert fields(plain_spec(up_factor=50_000, max_replicas=20), world, message) == {
        "replicas": 9,
        "condition": "ScaleUpLimit",
        "reason": "the desired replica count is increasing faster than the maximum scale rate",
    }
    within = said(plain_spec(), look(6, good(500_000)))
    assert message not in [one.message for one in within]


def test_both_windows_are_told_whatever_is_wanted():
    """W-G07, W-G05, with the README's times: 15 s after a scaling, windows of 30 and 60 s."""
    spec = plain_spec(up_window=30, down_window=60)
    last = NOW - 15 * SECOND
    lines = said(spec, look(6, Reading("ok", 500_000, 1, AT), memory=held_for(0, since_scale=15)))
    assert line(lines, "Too early to upscale").fields == {
        "lastScaleTime": format_rfc3339(last),
        "nextUpscaleTimestamp": format_rfc3339(last + 30 * SECOND),
        "lastMetricsTimestamp": format_rfc3339(AT),
    }
    assert line(lines, "Too early to downscale").fields["nextDownscaleTimestamp"] == (
        format_rfc3339(last + 60 * SECOND)
    )
    assert line(lines, "Cooldown status").fields == {
        "backoffUp": True,
        "backoffDown": True,
        "desiredReplicas": 6,
        "currentReplicas": 6,
    }


def test_nothing_to_change():
    world = look(4, good(500_000))
    assert fields(plain_spec(), world, "Will not scale: number of replicas has not changed") == {}


@pytest.mark.parametrize(
    ("applied", "message", "level", "more"),
    [
        (Applied("scaled"), "Successful rescale", "info", {"rescaleReason"}),
        (Applied("dry_run"), "DryRun mode: scaling change was inhibited", "info", set()),
        (Applied("failed", "denied"), "Failed to rescale", "error", {"rescaleReason", "error"}),
    ],
)
def test_what_came_of_it(applied, message, level, more):
    """W-G10, W-G11: 8 to 12."""
    last = said(plain_spec(), look(8, good(1_500_000)), applied)[-1]
    assert (last.message, last.level) == (message, level)
    assert set(last.fields) == {"currentReplicas", "desiredReplicas", "rule", "decision"} | more
    assert (last.fields["currentReplicas"], last.fields["desiredReplicas"]) == (8, 12)
    if "rescaleReason" in more:
        assert last.fields["rescaleReason"] == "backlog{map[]} above target"


def test_no_value_is_a_failure_that_names_metric_and_selector():
    """W-G12."""
    nothing = Reading("empty", detail="no metrics returned from external metrics API")
    found = line(
        said(README, seen(8, nothing)),
        "Failed to compute desired number of replicas based on listed metrics.",
    )
    assert found.level == "error"
    assert found.fields == {
        "reference": REFERENCE,
        "error": "failed to compute replicas based on external metric utilization: unable to get "
        "external metric datadog/utilization/&LabelSelector{MatchLabels:map[string]string{},"
        "MatchExpressions:[]LabelSelectorRequirement{},}: no metrics returned from external "
        "metrics API",
    }


def test_one_of_two_metrics_missing_is_named():
    pair = (metric(1_000_000, 100_000, "one"), metric(1_000_000, 100_000, "two"))
    lines = said(plain_spec(metrics=pair), look(4, good(500_000), missing("stale")))
    found = line(lines, "The metric is unavailable").fields
    assert (found["metricName"], found["state"]) == ("two{map[]}", "stale")
    assert [one.fields["metricName"] for one in lines if one.message == "Proposing replicas"] == [
        "one{map[]}"
    ]


def test_resource_metrics_tell_their_pods():
    spec = plain_spec(metrics=(Metric("Resource", "cpu", 800, 200),))
    world = look(4, Reading("ok", 1500, 3, AT, missing=1))
    assert fields(spec, world, "groupPods") == {
        "ready": 3,
        "missing": 1,
        "ignored": 0,
        "incorrect target": 0,
    }
    assert fields(spec, world, "Resource Metric replica calculation")["utilizationQuantity"] == 500


def test_a_recommendation_is_proposed_without_marks():
    spec = plain_spec(recommender=Recommender("http://r", "recommender{}"))
    world = look(4, Reading("ok", 75, 1, AT, advice=Advice(6, 5, 7)))
    messages = [one.message for one in said(spec, world)]
    assert "Replicas Recommender replica calculation" in messages
    assert "Value is above highMark" not in messages
    assert fields(spec, world, "Proposing replicas")["proposedReplicas"] == 6


def test_an_unreadable_target_is_an_error_and_nothing_more():
    lines = said(plain_spec(), Observed(scale_error="scale not found"))
    assert [(one.level, one.message) for one in lines] == [
        ("error", "Error happened while processing the WPA"),
        ("info", "Decided"),
    ]


@pytest.mark.parametrize(
    ("world", "applied"),
    [
        (SAMPLE, Applied()),
        (seen(8, Reading("empty")), Applied()),
        (seen(8, BELOW, memory=WAITING), Applied("dry_run")),
        (Observed(), Applied()),
    ],
)
def test_what_does_not_change_is_told_at_debug_only(world, applied):
    assert {one.level for one in said(README, world, applied, changed=False)} == {"debug"}


@pytest.mark.parametrize("applied", [Applied("scaled"), Applied("failed", "denied")])
def test_a_scaling_is_told_even_if_it_is_the_same_again(applied):
    lines = said(plain_spec(), look(8, good(1_500_000)), applied, changed=False)
    assert {one.level for one in lines[:-1]} == {"debug"}
    assert lines[-1].level in ("info", "error")
