"""What holds of every decision, whatever is asked and seen."""

from collections import Counter
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from scaler.core.decision import decide
from scaler.core.observed import Observed, PodCounts, Reading
from scaler.core.spec import Spec
from scaler.core.status import memory_after, memory_of, status_after
from scaler.core.trace import Decision, Rule
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_look, any_reading, any_spec
from tests.oracle.laws import CORRECTIONS, check_decision, outcome
from tests.oracle.scenes import RECOMMENDER, any_mood, any_sources, with_any_sources
from tests.oracle.sources import EachPod, Point, Reply, Series, Source, Usage, reading_from
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


@settings(max_examples=150)
@given(chance=st.randoms(use_true_random=False))
def test_every_decision(chance):
    spec, world, decision = _drawn(chance)
    check_decision(spec, world, decision)


def test_all_that_is_derived_from_any_decision_is_total():
    met = {check_input(any_input(Random(seed))).rule for seed in range(FUZZ)}
    # All but that of an object that is never decided about.
    assert met == set(get_args(Rule)) - {"invalid_spec"}


@pytest.mark.parametrize("kind", ["External", "Resource", "recommender"])
@pytest.mark.parametrize("average", [False, True])
def test_more_load_never_asks_for_fewer(kind, average):
    """Without convergence the count is monotone in each value, whatever the others are.

    The zero that is not tolerated breaks it by design, and so is left out; the refusal to shrink
    below what counts does too, so where that may be it is looked at before all limits. So does the
    thaw of the fleet breaker, in which a small step has its turn before a large one.
    """
    moved: Counter[int] = Counter()
    for seed in range(1_500):
        chance = Random(seed)
        spec = structs.replace(any_spec(chance), converge=None, tolerate_zero=True, average=average)
        spec = _of_kind(spec, kind)
        world = any_look(chance, spec)
        if world.scale is None or world.pods is None:
            continue
        current = world.scale.spec_replicas
        counted = max(1, current + chance.randint(-3, 3))
        pods = PodCounts(counted, counted, counted, counted)
        sources = list(any_sources(chance, spec, current, counted))
        which = chance.randrange(len(sources))
        found = []
        for source in _rising(chance, spec, which, current, counted):
            sources[which] = source
            readings = tuple(reading_from(spec, each, NOW) for each in sources)
            look_again = structs.replace(world, pods=pods, readings=readings, fleet=None)
            found.append(decide(spec, look_again, NOW))
            moved[found[-1].desired - current] += 1
        asked, desired = [one.asked for one in found], [one.desired for one in found]
        assert asked == sorted(asked), (spec, world, sources)
        assert counted < current or desired == sorted(desired), (spec, world, sources)
    assert min(moved) < 0 < max(moved)


def _of_kind(spec: Spec, kind: str) -> Spec:
    if kind == "recommender":
        return structs.replace(spec, metrics=(), recommender=RECOMMENDER)
    metrics = tuple(structs.replace(metric, kind=kind) for metric in spec.metrics)
    return structs.replace(spec, metrics=metrics)


def _rising(chance: Random, spec: Spec, which: int, current: int, counted: int) -> list[Source]:
    """The same source with ever more load; of the same pods some say nothing."""
    if spec.recommender is not None:
        return [Reply(count) for count in sorted(chance.randint(0, 90) for _ in range(8))]
    near = spec.metrics[which]
    values = sorted(abs(any_reading(chance, near, current).value) for _ in range(8))
    if near.kind == "External":
        return [Series((Point(value),)) for value in values]
    silent = (None,) * min(chance.choice((0, 0, 1, counted)), counted - 1)
    telling = counted - len(silent)
    return [Usage(silent + (Point(value),) * telling) for value in values]


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


def _next_look(
    chance: Random, spec: Spec, count: int, outage: int, now: int
) -> tuple[Observed, int]:
    """A look at the target after one more period; outages last at most two evaluations."""
    sources = any_sources(chance, spec, count, count)
    readings = [reading_from(spec, source, now) for source in sources]
    if outage >= 2 and not _complete(spec, readings):
        said = any_mood(chance, spec, count, chance.choice(("low", "between", "high")))
        sources = tuple(
            Usage((Point(one.value),) * count) if isinstance(one, EachPod) else one for one in said
        )
        readings = [reading_from(spec, source, now) for source in sources]
    return look(count, *readings), 0 if _complete(spec, readings) else outage + 1


def _complete(spec: Spec, readings: list[Reading]) -> bool:
    """Whether every reading is a load."""
    return all(reading.good for reading in readings) and not any(
        reading.value < 0 < metric.low
        for metric, reading in zip(spec.metrics, readings, strict=False)
    )


@pytest.mark.parametrize("quiet", [False, True])
def test_a_restart_without_a_gap_changes_nothing(quiet):
    """Memory rebuilt from the status and the Lease decides as the memory that was kept."""
    for seed in range(400):
        chance = Random(seed)
        spec = with_any_sources(chance, any_spec(chance))
        spec = structs.replace(spec, dry_run=chance.randint(0, 3) == 0)
        count = chance.randint(spec.min_replicas, min(spec.max_replicas, spec.min_replicas + 20))
        memory, status, outage = memory_of(AutoscalerStatus(), NOW), AutoscalerStatus(), 0
        for turn in range(20):
            now = NOW + turn * PERIOD + chance.randint(0, 400)
            world, outage = _next_look(chance, spec, count, outage, now)
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
