"""What a decision leaves in the status, what is remembered, and which changes are worth a write."""

import pytest
from msgspec import structs

from kube.vocab.conditions import Condition
from kube.vocab.selectors import LabelSelector
from kube.vocab.times import format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale, Timer
from scaler.core.spec import HIGHEST_COUNT
from scaler.core.status import change, memory_after, memory_of, status_after
from scaler.core.wire import (
    AutoscalerStatus,
    ExternalStatus,
    MetricStatus,
    ResourceStatus,
)
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

ABOVE, INSIDE = good(2_000_000), good(500_000)
NONE, SCALED, DRY = Applied(), Applied("scaled"), Applied("dry_run")
OLD_METRICS = (MetricStatus("External", external=ExternalStatus("backlog", None, "7")),)
BEFORE = AutoscalerStatus(
    current_replicas=3,
    desired_replicas=2,
    last_scale_time="2020-01-01T00:00:00Z",
    scaling_events_count=5,
    current_metrics=OLD_METRICS,
    observed_generation=1,
)


def after(spec, world, applied=NONE, before=BEFORE, **fields) -> AutoscalerStatus:
    return status_after(spec, decide(spec, world, NOW), applied, before, **fields)


def test_a_pass_without_scaling():
    status = after(plain_spec(), look(4, INSIDE), generation=9)
    assert (status.current_replicas, status.desired_replicas) == (4, 4)
    assert (status.last_scale_time, status.scaling_events_count) == ("2020-01-01T00:00:00Z", 5)
    assert status.observed_generation == 9
    assert after(plain_spec(), look(4, INSIDE)).observed_generation == 1
    assert status.current_metrics == (
        MetricStatus("External", external=ExternalStatus("backlog", None, "500")),
    )


def test_current_is_what_the_target_reports():
    world = look(4, INSIDE, scale=Scale(4, 6, "app=web"))
    assert after(plain_spec(), world).current_replicas == 6


def test_a_written_scale():
    status = after(plain_spec(), look(4, ABOVE), SCALED)
    assert (status.current_replicas, status.desired_replicas) == (4, 8)
    assert status.last_scale_time == format_rfc3339(NOW)
    assert status.scaling_events_count == 6


def test_the_count_of_scalings_stays_what_the_crd_accepts():
    before = structs.replace(BEFORE, scaling_events_count=HIGHEST_COUNT)
    spec, world = plain_spec(), look(4, ABOVE)
    status = status_after(spec, decide(spec, world, NOW), SCALED, before)
    assert status.scaling_events_count == HIGHEST_COUNT


def test_dry_run_moves_neither_time_nor_count():  # D18
    spec = plain_spec(dry_run=True, up_window=60)
    status = after(spec, look(4, ABOVE), DRY)
    assert (status.desired_replicas, status.current_replicas) == (8, 4)
    assert (status.last_scale_time, status.scaling_events_count) == ("2020-01-01T00:00:00Z", 5)
    closed = after(spec, look(4, ABOVE, memory=held_for(0, since_scale=10)))
    assert closed.desired_replicas == 4


def test_dry_run_holds_its_proposal_steady():  # D18
    spec = plain_spec(dry_run=True)
    status, memory = AutoscalerStatus(), Memory()
    shown = []
    for at in range(4):
        now = NOW + at * 15_000
        decision = decide(spec, look(4, ABOVE, memory=memory), now)
        memory = memory_after(decision, DRY)
        status = status_after(spec, decision, DRY, status)
        shown.append((status.desired_replicas, status.last_scale_time))
    assert shown == [(8, None)] * 4
    assert memory.last_scale is None


def test_a_refused_scale_keeps_everything_but_the_current_count():
    status = after(plain_spec(), look(4, ABOVE), Applied("failed", "conflict"))
    assert (status.current_replicas, status.desired_replicas) == (4, 2)
    assert (status.last_scale_time, status.scaling_events_count) == ("2020-01-01T00:00:00Z", 5)
    assert status.current_metrics == OLD_METRICS


@pytest.mark.parametrize(
    "world", [look(4, missing()), look(4, pods=PodCounts(4, 4, 0, 0)), look(4, pods=PodCounts())]
)
def test_a_failed_computation_keeps_desired_and_metrics(world):
    status = after(plain_spec(), world)
    assert (status.current_replicas, status.desired_replicas) == (4, 2)
    assert status.current_metrics == OLD_METRICS


def test_an_unreadable_target_changes_conditions_only():
    status = after(plain_spec(), Observed(scale_error="gone"))
    assert (
        structs.replace(status, conditions=None, last_condition_type="", last_condition_state="")
        == BEFORE
    )


def test_a_correction_keeps_the_metrics_and_counts_as_scaling():
    status = after(plain_spec(max_replicas=3), look(4, ABOVE), SCALED)
    assert (status.desired_replicas, status.current_metrics) == (3, OLD_METRICS)
    assert status.last_scale_time == format_rfc3339(NOW)


def test_a_target_that_is_switched_off():
    status = after(plain_spec(), look(0))
    assert (status.current_replicas, status.desired_replicas) == (0, 0)


def test_metrics_are_shown_per_type_and_algorithm():
    labels = LabelSelector(match_labels={"a": "b"})
    external = Metric("External", "depth", 10**9, 1, wire_selector=labels)
    resource = Metric("Resource", "cpu", 800, 1)
    spec = plain_spec((external, resource), average=True)
    readings = (good(10_000), Reading("ok", 1500, 3))
    assert after(spec, look(3, *readings)).current_metrics == (
        MetricStatus("External", external=ExternalStatus("depth", labels, "3333m")),
        MetricStatus("Resource", resource=ResourceStatus("cpu", "500m")),
    )
    plain = structs.replace(spec, average=False)
    (shown, _) = after(plain, look(3, *readings)).current_metrics or ()
    assert shown.external
    assert shown.external.current_value == "10"


def test_what_is_remembered():
    decision = decide(plain_spec(), look(4, ABOVE, memory=held_for(20)), NOW + 999)
    assert memory_after(decision, SCALED) == structs.replace(decision.memory, last_scale=NOW)
    for applied in (NONE, DRY, Applied("failed", "x")):
        assert memory_after(decision, applied) == decision.memory


# After a restart (D15).

STORED = AutoscalerStatus(
    last_scale_time=format_rfc3339(NOW - 400_000),
    conditions=(
        Condition("AboveHighWatermark", "True", format_rfc3339(NOW - 90_000), "r", "m"),
        Condition("BelowLowWatermark", "False", format_rfc3339(NOW - 80_000), "r", "m"),
        Condition("ScalingActive", "True", format_rfc3339(NOW - 70_000), "r", "m"),
    ),
)


def stored(*conditions: Condition) -> AutoscalerStatus:
    return AutoscalerStatus(conditions=conditions)


def test_memory_comes_back_from_the_status():
    assert memory_of(STORED, NOW, NOW - 5_000) == Memory(
        last_scale=NOW - 400_000,
        above=Timer(True, NOW - 90_000),
        below=Timer(False, NOW - 80_000),
        above_seen=NOW - 5_000,
        below_seen=NOW - 5_000,
    )


def test_the_gap_starts_where_scaling_became_inactive():
    inactive = Condition("ScalingActive", "False", format_rfc3339(NOW - 60_000), "r", "m")
    memory = memory_of(stored(inactive), NOW, NOW - 5_000)
    assert (memory.above_seen, memory.below_seen) == (NOW - 60_000, NOW - 60_000)
    undated = memory_of(stored(Condition("ScalingActive", "False", None)), NOW, NOW - 5_000)
    assert undated.above_seen == NOW - 5_000


def test_without_either_the_gap_is_unknown():
    memory = memory_of(STORED, NOW)
    assert (memory.above_seen, memory.below_seen) == (None, None)
    spec = plain_spec(up_delay=90, down_delay=90)
    assert decide(spec, look(4, ABOVE, memory=memory), NOW).desired == 8
    below = Condition("BelowLowWatermark", "True", format_rfc3339(NOW - 900_000), "r", "m")
    held = decide(spec, look(4, good(50_000), memory=memory_of(stored(below), NOW)), NOW)
    assert (held.rule, held.binding.wait) == ("downscale_delay", 90_000)


def test_an_empty_status_is_an_empty_memory():
    assert memory_of(AutoscalerStatus(), NOW) == Memory()


@pytest.mark.parametrize("text", ["2999-01-01T00:00:00Z", "nonsense", "", None])
def test_impossible_times_neither_block_nor_free(text):
    status = AutoscalerStatus(
        last_scale_time=text,
        conditions=(Condition("AboveHighWatermark", "True", text, "r", "m"),),
    )
    memory = memory_of(status, NOW + 500)
    assert memory.last_scale in (None, NOW)
    assert memory.above == Timer(True, NOW)


# Which changes are worth a write (D22).


def test_equal_statuses_are_no_change():
    status = after(plain_spec(), look(4, INSIDE))
    assert change(status, after(plain_spec(), look(4, INSIDE), before=status)) == "none"


def test_a_pass_that_only_repeats_is_no_change():
    spec, world = plain_spec(), look(4, INSIDE)
    first = status_after(spec, decide(spec, world, NOW), NONE, AutoscalerStatus())
    memory = decide(spec, world, NOW).memory
    later = decide(spec, structs.replace(world, memory=memory), NOW + 15_000)
    assert change(first, status_after(spec, later, NONE, first)) == "none"


def test_other_values_are_a_change_of_values():
    status = after(plain_spec(), look(4, INSIDE))
    moved = after(plain_spec(), look(4, good(600_000)), before=status)
    assert change(status, moved) == "values"


def test_other_texts_are_a_change_of_values():
    pair = (metric(1_000_000, 100_000, "one"), metric(1_000_000, 100_000, "two"))
    spec = plain_spec(pair)
    one = after(spec, look(4, INSIDE, missing("nan")))
    two = after(spec, look(4, INSIDE, missing("stale")), before=one)
    assert change(one, two) == "values"


@pytest.mark.parametrize(
    "world",
    [look(4, ABOVE), look(4, good(50_000)), look(5, INSIDE), look(4, missing()), look(4, good(0))],
)
def test_another_decision_or_condition_is_a_change_at_once(world):
    status = after(plain_spec(converge="low"), look(4, good(800_000)))
    assert change(status, after(plain_spec(converge="low"), world, before=status)) == "decision"


def test_a_reason_or_a_generation_is_a_change_at_once():
    status = after(plain_spec(), look(4, INSIDE))
    assert change(status, after(plain_spec(), look(4, INSIDE), before=status, generation=2)) == (
        "decision"
    )
    entry = (status.conditions or ())[0]
    others = (structs.replace(entry, reason="Other"), *(status.conditions or ())[1:])
    assert change(status, structs.replace(status, conditions=others)) == "decision"


def test_the_first_status_is_a_change_at_once():
    assert change(None, AutoscalerStatus()) == "decision"
