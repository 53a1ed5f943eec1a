"""A recommendation passes the rules that a metric does, and shows in the same places (§5, §18)."""

import msgspec
import pytest

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.events import EventDraft, events
from scaler.core.gauges import gauges
from scaler.core.observed import Memory, PodCounts, Reading, Timer
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.status import status_after
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW, held_for, look, missing
from tests.unit.scaler.recommender.worlds import NAME, URL, advised, recommended_spec, told

SPEC = recommended_spec()


def status(spec: Spec, decision: Decision, applied: Applied | None = None) -> AutoscalerStatus:
    return status_after(spec, decision, applied or Applied(), AutoscalerStatus())


def test_limits_hold():
    decision = decide(SPEC, told(4, 10, 8, 12), NOW)
    assert (decision.desired, decision.rule) == (6, "scale_up_limit")


def test_a_bound_of_the_object_holds():
    decision = decide(recommended_spec(scaleUpLimitFactor=1000), told(4, 99, 8, 99), NOW)
    assert (decision.desired, decision.rule) == (10, "max_replicas")


def test_windows_hold():
    decision = decide(SPEC, told(4, 5, 5, 5, memory=held_for(0, since_scale=10)), NOW)
    assert (decision.desired, decision.rule) == (4, "upscale_window")


@pytest.mark.parametrize(
    ("current", "advice", "delay", "rule"),
    [
        (4, (5, 5, 5), {"upscaleDelayAboveWatermarkSeconds": 60}, "upscale_delay"),
        (4, (3, 3, 3), {"downscaleDelayBelowWatermarkSeconds": 60}, "downscale_delay"),
    ],
)
def test_delays_hold_in_both_directions_without_bounds(current, advice, delay, rule):
    """D34: an absent bound equals the target."""
    spec = recommended_spec(**delay)
    fresh = decide(spec, told(current, *advice), NOW)
    assert (fresh.desired, fresh.rule) == (current, rule)
    waited = decide(spec, told(current, *advice, memory=held_for(60)), NOW)
    assert waited.desired == advice[0]


def test_a_move_inside_the_bounds_waits_for_no_delay():
    spec = recommended_spec(upscaleDelayAboveWatermarkSeconds=60)
    decision = decide(spec, told(4, 5, 3, 9), NOW)
    assert (decision.desired, decision.rule) == (5, "recommendation")
    assert decision.why == (
        "Metric within watermarks, attempting to scale to converge towards watermark"
    )
    kept = status(spec, decision).condition("ConvergeToWatermark")
    assert kept is None


def test_an_untolerated_zero_stays():
    """D11."""
    decision = decide(SPEC, told(4, 0, 0, 0), NOW)
    assert (decision.desired, decision.rule) == (4, "zero_value")
    tolerant = recommended_spec(tolerateZero=True)
    assert decide(tolerant, told(4, 0, 0, 0), NOW).desired == 3


def test_the_reason_of_a_scaling_names_the_recommender():
    decision = decide(SPEC, told(4, 5, 5, 5), NOW)
    (event,) = events(SPEC, decision, Applied("scaled"), None)
    assert event.message == f"New size: 5; reason: {NAME} above target"


def test_the_status_has_upstreams_shape_and_the_reason():
    reading = advised(5, 5, 5, "it is Monday", 72_500)
    decision = decide(SPEC, look(4, reading), NOW)
    after = status(SPEC, decision, Applied("scaled"))
    assert msgspec.to_builtins(after)["currentMetrics"] == (
        {
            "type": "Resource",
            "external": {"metricName": NAME, "metricSelector": {}, "currentValue": "72500m"},
        },
    )
    active = after.condition("ScalingActive")
    assert active is not None
    assert (active.status, active.reason) == ("True", "ValidMetricFound")
    assert active.message == (
        "the WPA was able to successfully calculate a replica count from "
        f"{NAME} because: it is Monday"
    )


def test_a_failure_holds_and_is_told_in_upstreams_words():
    decision = decide(SPEC, look(4, missing("error", "unexpected response code: 500 (oops)")), NOW)
    assert (decision.desired, decision.rule) == (4, "metric_unavailable")
    text = f"unable to get external recommendation {NAME}: unexpected response code: 500 (oops)"
    active = status(SPEC, decision).condition("ScalingActive")
    assert active is not None
    assert (active.status, active.reason) == ("False", "FailedGetResourceMetric")
    assert active.message == f"the WPA was unable to compute the replica count: {text}"
    told_of = [(event.type, event.reason, event.message) for event in _events(decision)]
    assert told_of == [
        ("Warning", "FailedGetResourceMetric", text),
        (
            "Warning",
            "FailedComputeMetricsReplicas",
            f"failed to get the recommendation from {URL}: {text}",
        ),
    ]


def _events(decision: Decision, spec: Spec = SPEC) -> list[EventDraft]:
    return events(spec, decision, Applied(), None)


def test_the_password_of_an_address_is_never_shown():
    spec = recommended_spec({"url": "https://me:word@r.test/x"})
    decision = decide(spec, look(4, missing()), NOW)
    told_of = " ".join(event.message for event in _events(decision, spec))
    assert "word" not in told_of
    assert "https://***@r.test/x" in told_of


@pytest.mark.parametrize("readings", [(), (Reading("ok", 5, 1, NOW),)])
def test_no_recommendation_is_no_evidence(readings):
    decision = decide(SPEC, look(4, *readings), NOW)
    assert (decision.desired, decision.rule) == (4, "metric_unavailable")
    assert decision.unavailable == f"{NAME}: error"


def test_pods_are_looked_at_before_the_recommender():
    decision = decide(SPEC, look(4, pods=PodCounts(listed=4, owned=4)), NOW)
    assert decision.rule == "none_ready"
    first, second = _events(decision)
    assert first.reason == "FailedGetResourceMetric"
    assert second.message.startswith(f"failed to get the recommendation from {URL}: unable to get")


def test_series_carry_the_recommenders_name():
    spec = recommended_spec({"highWatermark": "0.8", "lowWatermark": "500m"})
    decision = decide(spec, look(4, advised(5, 5, 5, value=72_500)), NOW)
    found = {
        (gauge.name, gauge.label_value): gauge.value
        for gauge in gauges(spec, decision, status(spec, decision))
    }
    assert found["value", NAME] == 72_500
    assert found["replicas_scaling_proposal", NAME] == 5
    assert found["high_watermark", NAME] == 800
    assert found["low_watermak", NAME] == 500


def test_a_recommender_without_marks_has_no_series_of_marks():
    decision = decide(SPEC, told(4, 5, 5, 5), NOW)
    names = {gauge.name for gauge in gauges(SPEC, decision, status(SPEC, decision))}
    assert "value" in names
    assert not {"high_watermark", "low_watermark"} & names


def test_the_sentence_says_what_was_recommended():
    applied = Applied("scaled")
    bounded = decide(SPEC, told(4, 5, 5, 9), NOW)
    assert sentence(SPEC, bounded, applied) == (
        f"scaled from 4 to 5: {NAME} recommends 5 and is content with 5 to 9"
    )
    calm = decide(SPEC, told(4, 5, 3, 9), NOW)
    assert sentence(SPEC, calm, applied).endswith("3 to 9; 5 is asked for without urgency")
    bare = decide(SPEC, told(4, 5, 5, 5), NOW)
    assert sentence(SPEC, bare, applied) == f"scaled from 4 to 5: {NAME} recommends 5"


def test_the_marks_conditions_are_the_delays_memory():
    memory = decide(SPEC, told(4, 9, 8, 12), NOW).memory
    assert (memory.above, memory.below.holds) == (Timer(True, NOW), False)
    again = decide(SPEC, told(4, 4, 2, 8, memory=Memory(above=memory.above)), NOW).memory
    assert not again.above.holds
