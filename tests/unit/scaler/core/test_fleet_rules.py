"""What all autoscalers together leave of the shrinking of one, and what is told of it."""

from typing import Any

import pytest
from msgspec import structs

from scaler.core.conditions import Applied
from scaler.core.counterfactual import counterfactual
from scaler.core.decision import decide
from scaler.core.gauges import gauges
from scaler.core.observed import Fleet, PodCounts
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.status import change, memory_after, status_after
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW, good, held_for, look, metric, plain_spec

WHY = "shrinking is frozen: it is a test"
FROZEN = Fleet("frozen", WHY)
TEN_PER_POD = metric(10_000, 10_000)


def thawing(allowance: int, portion: int = 100) -> Fleet:
    return Fleet("thawing", "shrinking takes turns", allowance, portion)


def decided(spec: Spec, current: int, load: int, fleet: Fleet | None, **more: Any) -> Decision:
    """A target at `current`, asked for `load / 10` replicas."""
    world = look(current, good(load * 1000), fleet=fleet, **more)
    return decide(spec, world, NOW)


def spec_of(**fields: Any) -> Spec:
    return plain_spec((TEN_PER_POD,), **({"average": True, "tolerance": 0} | fields))


@pytest.mark.parametrize(
    ("current", "load", "fleet", "modulo", "desired", "rule"),
    [
        (10, 40, None, 1, 4, "below_watermark"),
        (10, 40, FROZEN, 1, 10, "fleet_frozen"),
        (10, 100, FROZEN, 1, 10, "within_watermarks"),
        (10, 150, FROZEN, 1, 15, "above_watermark"),
        (10, 150, thawing(0), 1, 15, "above_watermark"),
        (10, 40, thawing(0), 1, 10, "fleet_thaw"),
        (10, 40, thawing(5), 1, 10, "fleet_thaw"),
        (10, 40, thawing(6), 1, 4, "below_watermark"),
        # What is larger than a portion goes in parts, as soon as there is as much.
        (10, 40, thawing(1, 2), 1, 10, "fleet_thaw"),
        (10, 40, thawing(2, 2), 1, 8, "fleet_thaw"),
        (10, 40, thawing(9, 2), 1, 8, "fleet_thaw"),
        (10, 40, thawing(9, 6), 1, 4, "below_watermark"),
        # A part ends on a multiple towards the current count (D8).
        (20, 50, thawing(9, 7), 5, 15, "fleet_thaw"),
        (20, 50, thawing(4, 5), 5, 20, "fleet_thaw"),
        (20, 50, thawing(9, 4), 5, 20, "fleet_thaw"),
        (18, 50, thawing(4, 4), 5, 15, "fleet_thaw"),
        (18, 50, thawing(2, 4), 5, 18, "fleet_thaw"),
    ],
)
def test_shrinking_is_frozen_or_takes_turns_and_nothing_else_is_touched(
    current, load, fleet, modulo, desired, rule
):
    decision = decided(spec_of(modulo=modulo), current, load, fleet)
    assert (decision.desired, decision.rule) == (desired, rule)


def test_a_bound_is_restored_while_all_is_frozen():
    decision = decided(spec_of(max_replicas=8), 12, 40, FROZEN)
    assert (decision.desired, decision.rule) == (8, "above_max_replicas")


@pytest.mark.parametrize(
    ("fields", "more", "rule"),
    [
        ({"down_window": 60}, {"memory": held_for(600, since_scale=30)}, "downscale_window"),
        ({"down_delay": 60}, {"memory": held_for(30)}, "downscale_delay"),
        ({}, {"pods": PodCounts(10, 10, 10, 8, 2)}, "warming_up"),
        ({"down_factor": 0}, {}, "scale_down_limit"),
    ],
)
def test_what_would_not_shrink_anyway_is_held_by_its_own_rule(fields, more, rule):
    assert decided(spec_of(**fields), 10, 40, FROZEN, **more).rule == rule


def test_delays_go_on_while_all_is_frozen():
    frozen = decided(spec_of(down_delay=60), 10, 40, FROZEN)
    free = decided(spec_of(down_delay=60), 10, 40, None)
    assert frozen.memory == free.memory
    assert frozen.memory.below.holds


def test_the_condition_says_so_and_a_reader_sees_a_change():
    spec, before = spec_of(), AutoscalerStatus()
    free = decided(spec, 10, 100, None)
    before = status_after(spec, free, Applied(), before)
    held = decided(spec, 10, 40, FROZEN)
    status = status_after(spec, held, Applied(), before)
    limited = status.condition("ScalingLimited")
    assert limited is not None
    assert (limited.status, limited.reason, limited.message) == ("True", "FleetBreaker", WHY)
    assert change(before, status) == "decision"
    after = status_after(spec, free, Applied(), status).condition("ScalingLimited")
    assert after is not None
    assert (after.status, after.reason) == ("False", "DesiredWithinRange")


def test_a_part_that_goes_is_a_scaling_that_was_limited():
    spec = spec_of()
    part = decided(spec, 10, 40, thawing(2, 2))
    status = status_after(spec, part, Applied("scaled"), AutoscalerStatus())
    limited = status.condition("ScalingLimited")
    assert limited is not None
    assert (limited.status, limited.reason) == ("True", "FleetBreaker")
    assert status.desired_replicas == 8
    assert memory_after(part, Applied("scaled")).last_scale == NOW


def test_the_sentence_names_it():
    spec = spec_of()
    held = decided(spec, 10, 40, FROZEN)
    assert sentence(spec, held, Applied()).endswith(f"is below 10 and asks for 4; {WHY}")
    part = sentence(spec, decided(spec, 10, 40, thawing(2, 2)), Applied("scaled"))
    assert part.startswith("scaled from 10 to 8: ")
    assert "shrinking takes turns, which leaves 8 for now" in part


@pytest.mark.parametrize("fleet", [FROZEN, thawing(2, 2)])
def test_the_counterfactual_is_the_end_of_it(fleet):
    spec = spec_of()
    world = look(10, good(40_000), fleet=fleet)
    other = counterfactual(spec, world, decide(spec, world, NOW))
    assert other.decision == decide(spec, structs.replace(world, fleet=None), NOW)
    assert other.text.startswith("would scale to 4 once the ")


@pytest.mark.parametrize(("fleet", "shown"), [(FROZEN, 1), (thawing(2), 1), (thawing(9), 0)])
def test_the_restriction_is_a_series(fleet, shown):
    spec = spec_of()
    decision = decided(spec, 10, 40, fleet)
    found = {
        gauge.label_value: gauge.value
        for gauge in gauges(spec, decision, AutoscalerStatus())
        if gauge.name == "restricted_scaling"
    }
    assert found["fleet_breaker"] == shown
