"""Conditions: types, reasons and texts byte for byte as upstream's, but for the decisions' own."""

import pytest

from kube.vocab.conditions import Condition
from kube.vocab.times import format_rfc3339
from scaler.core.conditions import Applied, drafts
from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Scale, Timer
from scaler.core.spec import Spec
from scaler.core.status import status_after, status_of_refusal
from scaler.core.wire import AutoscalerStatus
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
NONE, SCALED, DRY = Applied(), Applied("scaled"), Applied("dry_run")
EARLIER = "2020-01-01T00:00:00Z"
EMPTY = AutoscalerStatus()


def conditions(
    spec: Spec,
    world: Observed,
    applied: Applied = NONE,
    before: AutoscalerStatus = EMPTY,
    *,
    at: int = NOW,
    quiet: bool = False,
) -> tuple[dict[str, Condition], tuple[str, str]]:
    """The conditions after deciding, by type, and what was written last."""
    status = status_after(spec, decide(spec, world, at), applied, before, quiet=quiet)
    found = {entry.type: entry for entry in status.conditions or ()}
    last = (status.last_condition_type, status.last_condition_state)
    return found, last


def told(entry: Condition) -> tuple[str, str, str]:
    return entry.status, entry.reason, entry.message


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


RATE = "the desired replica count is {} faster than the maximum scale rate"


@pytest.mark.parametrize(
    ("current", "value", "fields", "limited"),
    [
        (4, 9_000_000, {"up_factor": 50_000}, ("ScaleUpLimit", RATE.format("increasing"))),
        (4, 50_000, {"down_factor": 20_000}, ("ScaleDownLimit", RATE.format("decreasing"))),
        (
            4,
            9_000_000,
            {"max_replicas": 6},
            ("TooManyReplicas", "the desired replica count is above the maximum replica count"),
        ),
        (
            4,
            50_000,
            {"min_replicas": 3},
            ("TooFewReplicas", "the desired replica count is below the minimum replica count"),
        ),
        (
            10,
            300_000,
            {"modulo": 4, "converge": "high"},
            (
                "ModuloAlignment",
                "the desired replica count was aligned to a multiple of 4",
            ),
        ),
    ],
)
def test_scaling_limited(current, value, fields, limited):
    found, _ = conditions(plain_spec(**fields), look(current, good(value)), SCALED)
    assert told(found["ScalingLimited"]) == ("True", *limited)


HIGH = "Allow downscaling to converge to the High Watermark"
LOW = "Allow upscaling to converge to the Low Watermark"
STABLE = "Converging to Watermark only allowed in stable regime"
UNSTABLE = "Proposal could lead to an unstable regime"
BETWEEN = "Value between Watermarks"


@pytest.mark.parametrize(
    ("value", "converge", "expected"),
    [
        (2_000_000, None, ("False", HIGH, STABLE)),
        (2_000_000, "low", ("False", HIGH, STABLE)),
        (50_000, "high", ("False", STABLE, STABLE)),
        (800_000, "high", ("False", HIGH, UNSTABLE)),
        (300_000, "high", ("True", HIGH, BETWEEN)),
        (101_000, "low", ("False", LOW, UNSTABLE)),
        (300_000, "low", ("True", LOW, BETWEEN)),
        (300_000, None, ("False", "Feature not enabled", BETWEEN)),
    ],
)
def test_convergence(value, converge, expected):
    spec = plain_spec(converge=converge)
    found, _ = conditions(spec, look(4, good(value)), SCALED)
    assert told(found["ConvergeToWatermark"]) == expected


def test_an_untolerated_zero_says_nothing_about_convergence():
    assert "ConvergeToWatermark" not in conditions(plain_spec(), look(4, good(0)))[0]


def test_a_correction_keeps_the_metrics_conditions():  # D14
    stored = tuple(
        Condition(kind, "True", EARLIER, "r", "m")
        for kind in (
            "ScalingActive",
            "ScalingLimited",
            "AboveHighWatermark",
            "BelowLowWatermark",
            "ConvergeToWatermark",
        )
    )
    spec = plain_spec(max_replicas=3)
    before = AutoscalerStatus(conditions=stored)
    found, _ = conditions(spec, look(4, missing()), SCALED, before)
    for entry in stored:
        assert found[entry.type] == entry
    assert found["AbleToScale"].reason == "SuccessfulScale"


def test_warming_pods_keep_the_state_of_scaling_limited():  # D35
    before = AutoscalerStatus(conditions=(Condition("ScalingLimited", "True", EARLIER, "r", "m"),))
    pods = PodCounts(4, 4, 4, 3, 1)
    found, _ = conditions(plain_spec(), look(4, BELOW, pods=pods), before=before)
    assert told(found["ScalingLimited"]) == ("True", "r", "m")


def test_quiet_tells_not_scaling_in_a_condition():
    text = (
        "the WPA was able to successfully calculate a replica count and decided not to scale "
        "Deployment/shop/web to 4 (last scale time was <nil> )"
    )
    found, last = conditions(plain_spec(), look(4, INSIDE), quiet=True)
    assert told(found["ScalingActive"]) == ("True", "NotScaling", text)
    assert last == ("ScalingActive", "True")


def test_quiet_shows_the_last_scale_as_go_does_and_what_was_computed():
    spec = plain_spec(up_window=60)
    memory = Memory(1_566_327_464_000, above=Timer(True, NOW), above_seen=NOW - 1000)
    world = look(4, ABOVE, memory=memory)
    found, last = conditions(spec, world, at=1_566_327_464_000 + 30_000, quiet=True)
    assert found["ScalingActive"].message.endswith(
        "Deployment/shop/web to 8 (last scale time was 2019-08-20 18:57:44 +0000 UTC )"
    )
    # Upstream writes this one after the closed window.
    assert last == ("ScalingActive", "True")


def test_quiet_keeps_scaling_disabled():  # D25
    found, _ = conditions(plain_spec(), look(0), quiet=True)
    assert found["ScalingActive"].reason == "ScalingDisabled"


def test_quiet_says_nothing_where_something_was_done():
    for applied in (SCALED, DRY, Applied("failed", "x")):
        written = drafts(
            plain_spec(), decide(plain_spec(), look(4, ABOVE), NOW), applied, quiet=True
        )
        assert "NotScaling" not in {draft.reason for draft in written}


def test_transition_times_move_with_the_status_only():
    stored = (
        Condition("ScalingActive", "True", EARLIER, "NotScaling", "old"),
        Condition("AbleToScale", "False", EARLIER, "BackoffBoth", "old"),
    )
    found, _ = conditions(plain_spec(), look(4, INSIDE), before=AutoscalerStatus(conditions=stored))
    assert found["ScalingActive"].last_transition_time == EARLIER
    assert found["AbleToScale"].last_transition_time == format_rfc3339(NOW)


def test_the_marks_transition_times_are_the_timers():  # D15
    world = look(4, BELOW, memory=held_for(100))
    found, _ = conditions(plain_spec(), world)
    assert found["BelowLowWatermark"].last_transition_time == format_rfc3339(NOW - 100_000)


def test_conditions_are_listed_newest_first_and_foreign_ones_are_kept():
    stored = (
        Condition("Custom", "True", EARLIER, "r", "m"),
        Condition("DryRun", "False", "2021-01-01T00:00:00Z", "r", "m"),
    )
    before = AutoscalerStatus(conditions=stored)
    status = status_after(plain_spec(), decide(plain_spec(), look(4, INSIDE), NOW), NONE, before)
    assert [entry.type for entry in status.conditions or ()][-2:] == ["DryRun", "Custom"]
    times = [entry.last_transition_time or "" for entry in status.conditions or ()]
    assert times == sorted(times, reverse=True)
