"""Conditions of a pass: types, reasons and texts byte for byte, but for the decisions' own."""

import pytest

from kube.vocab.conditions import Condition
from kube.vocab.times import format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed, PodCounts, Scale
from scaler.core.status import status_of_refusal
from scaler.core.wire import AutoscalerStatus
from tests.oracle.outcomes import DRY, EARLIER, SCALED, conditions, told
from tests.oracle.worlds import (
    NOW,
    given_spec,
    good,
    held_for,
    look,
    metric,
    missing,
    plain_spec,
)

ABOVE, INSIDE, BELOW = good(2_000_000), good(500_000), good(50_000)

ACTIVE = "the WPA was able to successfully calculate a replica count from "


def test_a_whole_pass_inside_the_marks():
    found, last = conditions(plain_spec(), look(4, INSIDE))
    assert {kind: told(entry) for kind, entry in found.items()} == {
        "ScalingActive": ("True", "ValidMetricFound", ACTIVE + "backlog{map[]}"),
        "AbleToScale": (
            "True",
            "SucceededGetScale",
            "the WPA controller was able to get the target's current scale",
        ),
        "ScalingLimited": (
            "False",
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
        ),
        "DryRun": ("False", "DryRun mode disabled", "Scaling changes can be applied"),
        "AboveHighWatermark": (
            "False",
            "Value above High Watermark",
            "Allow upscaling if the value stays over the Watermark",
        ),
        "BelowLowWatermark": (
            "False",
            "Value above Low Watermark",
            "Allow downscaling if the value stays under the Watermark",
        ),
        "ConvergeToWatermark": ("False", "Feature not enabled", "Value between Watermarks"),
    }
    assert {entry.last_transition_time for entry in found.values()} == {format_rfc3339(NOW)}
    assert last == ("ScalingLimited", "False")


def test_dry_run():
    found, last = conditions(plain_spec(dry_run=True), look(4, ABOVE), DRY)
    assert told(found["DryRun"]) == (
        "True",
        "DryRun mode enabled",
        "Scaling changes won't be applied",
    )
    assert told(found["AbleToScale"]) == (
        "True",
        "ReadyForScale",
        "the last scaling time was sufficiently old as to warrant a new scale",
    )
    assert last == ("AbleToScale", "True")


def test_scaled_and_refused():
    found, last = conditions(plain_spec(), look(4, ABOVE), SCALED)
    assert told(found["AbleToScale"]) == (
        "True",
        "SuccessfulScale",
        "the WPA controller was able to update the target scale to 8",
    )
    assert last == ("AbleToScale", "True")
    found, last = conditions(plain_spec(), look(4, ABOVE), Applied("failed", "conflict"))
    assert told(found["AbleToScale"]) == (
        "False",
        "FailedScale",
        "the WPA controller was unable to update the target scale: conflict",
    )
    assert last == ("AbleToScale", "False")


WITHIN = "the time since the previous scale is still within "


BOTH = ("BackoffBoth", WITHIN + "both the downscale and upscale forbidden windows")
DOWN = ("BackoffDownscale", WITHIN + "the downscale forbidden window")


@pytest.mark.parametrize(
    ("reading", "since_scale", "able"),
    [
        (ABOVE, 10, BOTH), (INSIDE, 10, BOTH), (BELOW, 10, BOTH), (INSIDE, 40, DOWN),
        (BELOW, 40, DOWN),
    ],
)  # fmt: skip
def test_closed_windows_whatever_is_asked(reading, since_scale, able):
    spec = plain_spec(up_window=30, down_window=60)
    found, last = conditions(spec, look(4, reading, memory=held_for(0, since_scale=since_scale)))
    assert told(found["AbleToScale"]) == ("False", *able)
    assert last == ("AbleToScale", "False")


def test_a_closed_upscale_window_alone():
    spec = plain_spec(up_window=60, down_window=30)
    found, _ = conditions(spec, look(4, INSIDE, memory=held_for(0, since_scale=40)))
    assert told(found["AbleToScale"]) == (
        "False",
        "BackoffUpscale",
        WITHIN + "the upscale forbidden window",
    )


@pytest.mark.parametrize(
    ("world", "active"),
    [
        (
            look(0),
            (
                "False",
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            ),
        ),
        (
            Observed(scale=Scale(4, 0, "app=web")),
            ("False", "NoRunningReplicas", "the target has no running replicas yet"),
        ),
        (
            Observed(scale=Scale(4, 4, "")),
            ("False", "InvalidSelector", "the scale target has no pod selector"),
        ),
        (
            look(4, pods=PodCounts()),
            (
                "False",
                "FailedGetExternalMetric",
                "the WPA was unable to compute the replica count: no pods returned by selector "
                "while calculating replica count",
            ),
        ),
        (
            look(4, pods=PodCounts(4, 4, 0, 0)),
            (
                "False",
                "FailedGetExternalMetric",
                "the WPA was unable to compute the replica count: unable to get the number of "
                "ready pods across all namespaces for app=web: among the 4 pods, none is ready. "
                "Skipping recommendation",
            ),
        ),
        (
            look(4, missing("empty", "no metrics returned from external metrics API")),
            (
                "False",
                "FailedGetExternalMetric",
                "the WPA was unable to compute the replica count: unable to get external metric "
                "shop/backlog/&LabelSelector{MatchLabels:map[string]string{},"
                "MatchExpressions:[]LabelSelectorRequirement{},}: no metrics returned from "
                "external metrics API",
            ),
        ),
    ],
)
def test_what_makes_scaling_inactive(world, active):
    found, last = conditions(plain_spec(), world)
    assert told(found["ScalingActive"]) == active
    assert last == ("ScalingActive", "False")
    assert found["AbleToScale"].reason == "SucceededGetScale"
    assert set(found) == {"ScalingActive", "AbleToScale", "DryRun"}


def test_a_gate_blocks_with_upstreams_text():
    world = look(4, pods=PodCounts(3, 3, 1, 1))
    found, _ = conditions(plain_spec(min_available=50), world)
    assert told(found["ScalingActive"]) == (
        "False",
        "FailedGetExternalMetric",
        "the WPA was unable to compute the replica count: 33 % of the pods are unready, will not "
        "autoscale shop/web",
    )


def test_the_selector_of_a_failed_metric_is_shown_as_the_go_client_does():
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [{"key": "c", "operator": "In", "values": ["x", "y"]}],
    }
    block = {"metricName": "depth", "highWatermark": 1, "metricSelector": selector}
    spec = given_spec(metrics=[{"type": "External", "external": block}])
    found, _ = conditions(spec, look(4, missing("error", "503")))
    assert found["ScalingActive"].message == (
        "the WPA was unable to compute the replica count: unable to get external metric shop/depth/"
        "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},"
        "MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:c,Operator:In,"
        "Values:[x y],},},}: 503"
    )


def test_a_failed_resource_metric_has_its_own_reason():
    spec = plain_spec((Metric("Resource", "cpu", 800, 400),))
    found, _ = conditions(spec, look(4, missing("forbidden", "403")))
    assert found["ScalingActive"].reason == "FailedGetResourceMetric"


def test_the_finer_state_is_in_the_message():  # D17
    for state in ("nan", "infinite", "stale", "error", "empty"):
        found, _ = conditions(plain_spec(), look(4, missing(state, "")))
        assert state in found["ScalingActive"].message


def test_one_of_several_missing_stays_active():  # D13
    spec = plain_spec((metric(1_000_000, 100_000, "one"), metric(1_000_000, 100_000, "two")))
    before = AutoscalerStatus(
        conditions=(Condition("BelowLowWatermark", "True", EARLIER, "r", "m"),)
    )
    found, _ = conditions(spec, look(4, BELOW, missing("stale")), before=before)
    assert told(found["ScalingActive"]) == (
        "True",
        "ValidMetricFound",
        ACTIVE + "one{map[]} (unavailable: two: stale)",
    )
    assert "AboveHighWatermark" not in found
    assert found["BelowLowWatermark"].status == "True"
    assert found["BelowLowWatermark"].last_transition_time == EARLIER


def test_an_unreadable_target():
    found, last = conditions(plain_spec(), Observed(scale_error="scale not found"))
    assert told(found["ScalingActive"]) == (
        "False",
        "FailedProcessWPA",
        "Error happened while processing the WPA",
    )
    able = found["AbleToScale"]
    assert (able.status, able.reason) == ("False", "FailedProcessWPA")
    assert able.message.startswith("Error happened while processing the WPA")
    assert "scale not found" in able.message
    assert last == ("AbleToScale", "False")


def test_an_invalid_specification():
    status = status_of_refusal("too odd", AutoscalerStatus(desired_replicas=4), NOW, generation=7)
    found = {entry.type: told(entry) for entry in status.conditions or ()}
    assert found["AbleToScale"] == (
        "False",
        "FailedSpecCheck",
        "Invalid WPA specification: too odd",
    )
    assert found["ScalingActive"][:2] == ("False", "FailedProcessWPA")
    assert (status.last_condition_type, status.last_condition_state) == ("AbleToScale", "False")
    assert (status.desired_replicas, status.observed_generation) == (4, 7)
