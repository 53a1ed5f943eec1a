"""Limits, convergence, corrections and quiet passes in the conditions, and their times."""

import pytest

from kube.vocab.conditions import Condition
from kube.vocab.times import format_rfc3339
from scaler.core.conditions import Applied, drafts
from scaler.core.decision import decide
from scaler.core.observed import Memory, PodCounts, Timer
from scaler.core.status import status_after
from scaler.core.wire import AutoscalerStatus
from tests.oracle.outcomes import DRY, EARLIER, NONE, SCALED, conditions, told
from tests.oracle.worlds import (
    NOW,
    good,
    held_for,
    look,
    metric,
    missing,
    plain_spec,
)

ABOVE, INSIDE, BELOW = good(2_000_000), good(500_000), good(50_000)

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


@pytest.mark.parametrize("value", [800_000, 300_000])
@pytest.mark.parametrize("converge", ["high", "low"])
def test_a_missing_metric_keeps_the_state_of_convergence(value, converge):  # D13
    spec = plain_spec((metric(1_000_000, 100_000), metric(1, 1, "two")), converge=converge)
    before = AutoscalerStatus(
        conditions=(Condition("ConvergeToWatermark", "True", EARLIER, "r", "m"),)
    )
    found, _ = conditions(spec, look(4, good(value), missing()), before=before)
    assert told(found["ConvergeToWatermark"]) == ("True", "r", "m")
    found, _ = conditions(spec, look(4, good(2_000_000), missing()), before=before)
    assert told(found["ConvergeToWatermark"]) == ("False", HIGH, STABLE)


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
