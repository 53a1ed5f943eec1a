"""What holds of every decision, whatever is asked and seen."""

from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from scaler.core.decision import decide
from scaler.core.observed import Observed, PodCounts
from scaler.core.spec import Spec
from scaler.core.status import memory_after, memory_of, status_after
from scaler.core.trace import Decision, Rule
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_look, any_reading, any_spec
from tests.oracle.laws import CORRECTIONS, check_decision, outcome
from tests.oracle.wild import any_input, check_input
from tests.oracle.worlds import NOW, good, look

SWEEP = 12_000
FUZZ = 10_000
"""`make fuzz` tries a hundred times as many."""


def _drawn(chance: Random) -> tuple[Spec, Observed, Decision]:
    spec = any_spec(chance, wild=True)
    world = any_look(chance, spec, wild=True)
    return spec, world, decide(spec, world, NOW)


def test_every_decision_of_a_sweep():
    for seed in range(SWEEP):
        spec, world, decision = _drawn(Random(seed))
        check_decision(spec, world, decision)
        assert decide(spec, world, NOW) == decision


@settings(max_examples=150, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_every_decision(chance):
    spec, world, decision = _drawn(chance)
    check_decision(spec, world, decision)


def test_all_that_is_derived_from_any_decision_is_total():
    met = {check_input(any_input(Random(seed))).rule for seed in range(FUZZ)}
    # All but that of an object that is never decided about.
    assert met == set(get_args(Rule)) - {"invalid_spec"}


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
            applied = outcome(spec, kept)
            memory = memory_after(kept, applied)
            status = status_after(spec, kept, applied, status, quiet=quiet)
            if applied.kind == "scaled":
                count = kept.desired
