"""What holds of every decision, and of all that is told about one, whatever was asked and seen."""

import msgspec

from scaler.core.conditions import Applied
from scaler.core.counterfactual import counterfactual
from scaler.core.decision import decide
from scaler.core.events import events
from scaler.core.gauges import COMMON_LABELS, EXTRA_LABEL, HELP, common_values, gauges
from scaler.core.log_lines import log_lines
from scaler.core.observed import Observed
from scaler.core.own_gauges import FAMILIES, own_gauges
from scaler.core.record import Record, pack, replay, unpack
from scaler.core.sentence import sentence
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.status import change, memory_after, memory_of, status_after, times_ahead
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus

BLOCKS = {"monitor_unreadable", "monitor_not_ok"}
GATES = BLOCKS | {
    "target_unreadable", "scaling_disabled", "no_running_replicas", "invalid_selector",
    "pods_unreadable", "no_pods", "none_ready", "not_enough_available",
}  # fmt: skip
FLEET = {"fleet_frozen", "fleet_thaw"}
CORRECTIONS = {"above_max_replicas", "below_min_replicas"}
WAITS = {"upscale_window", "downscale_window", "upscale_delay", "downscale_delay", "warming_up"} | {
    "pods_differ"
}


def outcome(spec: Spec, decision: Decision) -> Applied:
    """What comes of `decision` where nothing goes wrong."""
    if not decision.scales:
        return Applied()
    return Applied("dry_run" if spec.dry_run else "scaled")


def check_decision(spec: Spec, world: Observed, decision: Decision) -> None:
    """The trace, the bounds and the holds."""
    check_trace(world, decision)
    check_bounds(spec, decision)
    check_holds(spec, decision)
    check_fleet(world, decision)


def check_trace(world: Observed, decision: Decision) -> None:
    """The steps are a chain from the current count to the desired one; the last one bound it."""
    seen = world.scale is not None and decision.rule not in BLOCKS
    current = world.scale.spec_replicas if seen and world.scale else 0
    assert decision.steps
    assert decision.steps[0].before == decision.current == current
    assert decision.steps[-1].after == decision.desired
    for earlier, later in zip(decision.steps, decision.steps[1:], strict=False):
        assert earlier.after == later.before
    assert decision.binding is decision.steps[-1]
    assert decision.rule == decision.steps[-1].rule
    assert decision.scales is (decision.desired != decision.current)


def check_bounds(spec: Spec, decision: Decision) -> None:
    """Bounds and velocity hold for whatever metrics moved; a factor of 0 closes its direction."""
    current, desired = decision.current, decision.desired
    if not decision.evaluated or desired == current:
        return
    assert spec.min_replicas <= desired <= spec.max_replicas
    up = desired > current
    factor = spec.up_factor if up else spec.down_factor
    assert factor > 0
    to_multiple = spec.modulo - current % spec.modulo if up else current % spec.modulo
    step = max(1, factor * current // 100_000, to_multiple or spec.modulo)
    assert abs(desired - current) <= step
    at_bound = desired in (spec.min_replicas, spec.max_replicas)
    assert desired % spec.modulo == 0 or at_bound


def check_holds(spec: Spec, decision: Decision) -> None:
    """Nothing moves at a gate, during a wait, or without evidence that asks for it."""
    if decision.rule in GATES | WAITS:
        assert not decision.scales
    if not decision.scales or decision.rule in CORRECTIONS:
        return
    assert decision.evaluated
    good_readings = [reading for reading in decision.readings if reading.good]
    if not spec.tolerate_zero and spec.recommender is None:
        assert any(reading.value != 0 for reading in good_readings)
    if len(good_readings) < len(spec.signals):
        assert decision.desired > decision.current
        assert any(proposal and proposal.region == "above" for proposal in decision.proposals)


def check_fleet(world: Observed, decision: Decision) -> None:
    """What all autoscalers together leave of shrinking is kept, and touches nothing else."""
    fleet, removed = world.fleet, decision.current - decision.desired
    if decision.rule in FLEET:
        assert fleet is not None
        assert decision.evaluated
        assert decision.binding.before < decision.current
        assert decision.binding.detail == fleet.text
    if fleet is not None and removed > 0 and decision.rule not in CORRECTIONS:
        assert fleet.state == "thawing"
        assert removed <= fleet.allowance


def check_told(
    spec: Spec,
    decision: Decision,
    applied: Applied,
    stored: AutoscalerStatus,
    before: Decision | None,
    *,
    quiet: bool = False,
) -> None:
    """Conditions, events, sentence, log lines and series follow from any decision.

    `stored` is the status that was there, `before` the decision.
    """
    status = status_after(spec, decision, applied, stored, quiet=quiet)
    kinds = [entry.type for entry in status.conditions or ()]
    assert len(kinds) == len(set(kinds))
    assert status.last_condition_type in kinds
    assert status.scaling_events_count <= max(HIGHEST_COUNT, stored.scaling_events_count)
    assert change(status, status) == "none"
    again = msgspec.json.decode(msgspec.json.encode(status), type=AutoscalerStatus)
    assert again == status
    for event in events(spec, decision, applied, before, quiet=quiet):
        assert event.message
    assert sentence(spec, decision, applied)
    lines = list(log_lines(spec, decision, applied, changed=before is None))
    for line in lines:
        msgspec.json.encode(line.fields)
    assert lines[-1].fields["rule"] == decision.rule
    assert lines[-1].fields["desiredReplicas"] == decision.desired
    _check_series(spec, decision, status)
    memory_after(decision, applied)
    memory_of(status, decision.at)
    times_ahead(status, decision.at)


def _check_series(spec: Spec, decision: Decision, status: AutoscalerStatus) -> None:
    """Every series has a documented name and its labels, and is there once."""
    assert len(common_values(spec)) == len(COMMON_LABELS)
    shown = list(gauges(spec, decision, status))
    assert all(gauge.name in HELP for gauge in shown)
    assert all(EXTRA_LABEL.get(gauge.name, "") == gauge.label for gauge in shown)
    assert len({(gauge.name, gauge.label_value) for gauge in shown}) == len(shown)
    assert all(isinstance(float(gauge.value), float) for gauge in shown)
    own = list(own_gauges(spec, decision))
    assert all(len(gauge.labels) == len(FAMILIES[gauge.name].labels) for gauge in own)
    assert len({(gauge.name, gauge.labels) for gauge in own}) == len(own)


def check_repeatable(spec: Spec, world: Observed, decision: Decision, applied: Applied) -> None:
    """A record decides as it did; what a counterfactual says is so."""
    record = Record(decision.at, 1, world, applied, decision.rule)
    (back,) = unpack(pack([record]))
    assert back == record
    assert replay(back, spec) == decision
    other = counterfactual(spec, world, decision)
    assert (other.decision.rule, other.decision.desired) != (decision.rule, decision.desired)
    situation = other.situation
    assert decide(situation.spec, situation.observed, situation.now) == other.decision
    assert other.text.startswith("would ")
