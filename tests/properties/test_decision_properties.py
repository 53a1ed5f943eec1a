"""What holds of every decision, whatever is asked and seen."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from scaler.core.conditions import Applied, drafts
from scaler.core.decision import decide
from scaler.core.events import events
from scaler.core.observed import Observed, PodCounts
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.status import change, memory_after, memory_of, status_after
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_look, any_reading, any_spec
from tests.oracle.worlds import NOW, good, look

SWEEP = 12_000
GATES = {
    "target_unreadable", "scaling_disabled", "no_running_replicas", "invalid_selector",
    "pods_unreadable", "no_pods", "none_ready", "not_enough_available",
}  # fmt: skip
CORRECTIONS = {"above_max_replicas", "below_min_replicas"}
WAITS = {"upscale_window", "downscale_window", "upscale_delay", "downscale_delay", "warming_up"}


def _drawn(chance: Random, *, wild: bool = True) -> tuple[Spec, Observed, Decision]:
    spec = any_spec(chance, wild=wild)
    world = any_look(chance, spec, wild=wild)
    return spec, world, decide(spec, world, NOW)


def _applied(spec: Spec, decision: Decision) -> Applied:
    if not decision.scales:
        return Applied()
    return Applied("dry_run" if spec.dry_run else "scaled")


def _check_trace(spec: Spec, world: Observed, decision: Decision) -> None:
    """The steps are a chain from the current count to the desired one; the last one bound it."""
    current = world.scale.spec_replicas if world.scale else 0
    assert decision.steps
    assert decision.steps[0].before == decision.current == current
    assert decision.steps[-1].after == decision.desired
    for earlier, later in zip(decision.steps, decision.steps[1:], strict=False):
        assert earlier.after == later.before
    assert decision.binding is decision.steps[-1]
    assert decision.rule == decision.steps[-1].rule
    assert decision.scales is (decision.desired != decision.current)


def _check_bounds(spec: Spec, world: Observed, decision: Decision) -> None:
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


def _check_holds(spec: Spec, world: Observed, decision: Decision) -> None:
    """Nothing moves at a gate, during a wait, or without evidence that asks for it."""
    if decision.rule in GATES | WAITS:
        assert not decision.scales
    if not decision.scales or decision.rule in CORRECTIONS:
        return
    assert decision.evaluated
    good_readings = [reading for reading in decision.readings if reading.good]
    if not spec.tolerate_zero:
        assert any(reading.value != 0 for reading in good_readings)
    if len(good_readings) < len(spec.metrics):
        assert decision.desired > decision.current
        assert any(proposal and proposal.region == "above" for proposal in decision.proposals)


def test_every_decision_of_a_sweep():
    for seed in range(SWEEP):
        spec, world, decision = _drawn(Random(seed))
        _check_trace(spec, world, decision)
        _check_bounds(spec, world, decision)
        _check_holds(spec, world, decision)
        assert decide(spec, world, NOW) == decision


@settings(max_examples=150, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_every_decision(chance):
    spec, world, decision = _drawn(chance)
    _check_trace(spec, world, decision)
    _check_bounds(spec, world, decision)
    _check_holds(spec, world, decision)


def test_all_that_is_derived_from_a_decision_is_total():
    before = None
    for seed in range(2_500):
        spec, _, decision = _drawn(Random(seed))
        for applied in (_applied(spec, decision), Applied("failed", "conflict")):
            for quiet in (False, True):
                status = status_after(spec, decision, applied, AutoscalerStatus(), quiet=quiet)
                kinds = [entry.type for entry in status.conditions or ()]
                assert len(kinds) == len(set(kinds))
                assert status.last_condition_type in kinds
                assert drafts(spec, decision, applied, quiet=quiet)
                assert change(status, status) == "none"
                for event in events(spec, decision, applied, before, quiet=quiet):
                    assert event.message
            assert sentence(spec, decision, applied)
        before = decision


@pytest.mark.parametrize("average", [False, True])
def test_more_load_never_asks_for_fewer(average):
    """One metric without convergence: the count is monotone in the value.

    The zero that is not tolerated and the refusal to shrink below what counts are rules that break
    it by design, so they are left out.
    """
    for seed in range(4_000):
        chance = Random(seed)
        spec = structs.replace(
            any_spec(chance, metrics=1), converge=None, tolerate_zero=True, average=average
        )
        world = any_look(chance, spec)
        if world.scale is None or world.pods is None:
            continue
        counted = world.scale.spec_replicas + chance.randint(0, 3)
        pods = PodCounts(counted, counted, counted, counted)
        near = spec.metrics[0]
        values = sorted(
            any_reading(chance, near, world.scale.spec_replicas).value for _ in range(8)
        )
        wanted = [
            decide(spec, structs.replace(world, pods=pods, readings=(good(value),)), NOW).desired
            for value in values
        ]
        assert wanted == sorted(wanted), (spec, world, values)


def test_zero_and_unknown_never_scale():
    for seed in range(2_000):
        chance = Random(seed)
        spec = structs.replace(any_spec(chance), tolerate_zero=False)
        world = any_look(chance, spec)
        readings = tuple(
            good(0) if chance.randint(0, 1) else any_reading(chance, metric, 5)
            for metric in spec.metrics
        )
        silent = tuple(reading if reading.value == 0 else good(0) for reading in readings)
        decision = decide(spec, structs.replace(world, readings=silent), NOW)
        assert decision.rule in CORRECTIONS or not decision.scales


# Restarts.

PERIOD = 15_000


def _next_look(chance: Random, spec: Spec, count: int, outage: int) -> tuple[Observed, int]:
    """A look at the target after one more period; outages last at most two evaluations."""
    readings = [any_reading(chance, metric, count) for metric in spec.metrics]
    if outage >= 2:
        readings = [
            reading if reading.good else good(chance.randint(0, 2 * metric.high))
            for metric, reading in zip(spec.metrics, readings, strict=True)
        ]
    complete = all(reading.good for reading in readings)
    return look(count, *readings), 0 if complete else outage + 1


@pytest.mark.parametrize("quiet", [False, True])
def test_a_restart_without_a_gap_changes_nothing(quiet):
    """Memory rebuilt from the status and the Lease decides as the memory that was kept."""
    for seed in range(400):
        chance = Random(seed)
        spec = structs.replace(any_spec(chance), dry_run=chance.randint(0, 3) == 0)
        count = chance.randint(spec.min_replicas, min(spec.max_replicas, spec.min_replicas + 20))
        memory, status, outage = memory_of(AutoscalerStatus(), NOW), AutoscalerStatus(), 0
        for turn in range(20):
            now = NOW + turn * PERIOD + chance.randint(0, 400)
            world, outage = _next_look(chance, spec, count, outage)
            kept = decide(spec, structs.replace(world, memory=memory), now)
            rebuilt = memory_of(status, now, None if turn == 0 else now - PERIOD)
            fresh = decide(spec, structs.replace(world, memory=rebuilt), now)
            assert (fresh.desired, fresh.steps) == (kept.desired, kept.steps)
            assert (fresh.memory.above, fresh.memory.below) == (
                kept.memory.above,
                kept.memory.below,
            )
            applied = _applied(spec, kept)
            memory = memory_after(kept, applied)
            status = status_after(spec, kept, applied, status, quiet=quiet)
            if applied.kind == "scaled":
                count = kept.desired
