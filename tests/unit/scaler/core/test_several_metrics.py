"""Several metrics: the largest proposal wins, a missing one only holds back (§12, D13)."""

from typing import Any

import pytest

from scaler.core.decision import decide
from scaler.core.observed import PodCounts, Reading, Timer
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

STATES = ["empty", "nan", "infinite", "stale", "error", "forbidden", "not_found"]
THREE = tuple(metric(1_000_000, 500_000, name) for name in ("one", "two", "three"))
MEMORY = held_for(9999)


def choose(*readings: Reading, spec: Spec | None = None, **fields: Any) -> Decision:
    spec = spec or plain_spec(THREE[: len(readings)], tolerance=0, average=True)
    return decide(spec, look(10, *readings, memory=MEMORY, **fields), NOW)


def units(count: float) -> Reading:
    """A sum that asks for `count` pods when above."""
    return good(round(count * 1_000_000))


def test_the_largest_proposal_wins():  # W-A10
    decision = choose(units(10), units(20), units(30))
    assert (decision.desired, decision.winner, decision.asked) == (30, 2, 30)
    assert [proposal.replicas for proposal in decision.proposals if proposal] == [10, 20, 30]
    assert decision.why == "three{map[]} above target"


def test_the_first_of_equal_proposals_wins():
    assert choose(units(20), units(20), units(7)).winner == 0


def test_there_is_no_reason_where_nothing_is_asked():
    assert choose(units(7)).why == ""
    assert choose(units(7), units(1)).why == ""
    assert choose(missing()).why == ""


def test_one_metric_inside_keeps_others_from_shrinking():
    decision = choose(units(7), units(1))
    assert (decision.desired, decision.rule, decision.winner) == (10, "within_watermarks", 0)
    assert decision.memory.below.holds


def test_all_below_takes_the_largest():
    decision = choose(units(2), units(1))
    assert (decision.desired, decision.why) == (4, "All metrics below target")


def test_a_zero_keeps_others_from_shrinking():
    assert choose(units(0), units(1)).rule == "zero_value"


@pytest.mark.parametrize("state", STATES)
def test_growth_goes_ahead_without_the_missing_metric(state):
    decision = choose(units(15), missing(state))
    assert (decision.desired, decision.winner) == (15, 0)
    assert decision.unavailable == f"two: {state}"
    assert decision.memory.above.holds
    assert decision.memory.below == MEMORY.below


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("reading", [units(1), units(7)])
def test_a_missing_metric_blocks_shrinking(state, reading):
    decision = choose(reading, missing(state))
    assert decision.desired == 10
    assert decision.memory.above == MEMORY.above
    assert decision.memory.below == MEMORY.below
    assert decision.evaluated


@pytest.mark.parametrize("converge", ["high", "low"])
def test_a_missing_metric_blocks_convergence(converge):
    spec = plain_spec(THREE[:2], tolerance=0, average=True, converge=converge)
    drifting = units(6) if converge == "high" else units(9)
    assert choose(drifting, units(6), spec=spec).scales
    decision = choose(drifting, missing(), spec=spec)
    assert (decision.desired, decision.rule) == (10, "metric_unavailable")


def test_growth_goes_ahead_of_another_metrics_convergence():
    # "one" would drift to 11, "two" asks for 11, "three" is missing: the growth is due (D13).
    spec = plain_spec(THREE, tolerance=0, average=True, converge="low")
    decision = choose(units(9), units(10.5), missing(), spec=spec)
    assert (decision.desired, decision.winner, decision.rule) == (11, 1, "above_watermark")


@pytest.mark.parametrize("readings", [(missing(),), (missing(), missing("nan"), missing("stale"))])
def test_without_any_value_everything_holds(readings):
    decision = choose(*readings)
    assert (decision.desired, decision.rule) == (10, "metric_unavailable")
    assert decision.memory == MEMORY
    assert decision.failed
    assert not decision.evaluated
    assert decision.winner is None


def test_a_reading_that_was_not_brought_is_unavailable():
    spec = plain_spec(THREE[:2], tolerance=0, average=True)
    decision = decide(spec, look(10, units(1), memory=MEMORY), NOW)
    assert decision.unavailable == "two: error"
    assert not decision.scales


def test_growth_without_a_metric_still_waits_for_its_delay():
    spec = plain_spec(THREE[:2], tolerance=0, average=True, up_delay=30)
    world = look(10, units(15), missing(), memory=held_for(29))
    assert decide(spec, world, NOW).rule == "upscale_delay"
    fresh = look(10, units(15), missing())
    assert decide(spec, fresh, NOW).memory.above == Timer(True, NOW)


def test_warming_pods_block_shrinking_and_only_that():  # D35
    pods = PodCounts(listed=10, owned=10, ready=10, counted=8, warming=2)
    down = choose(units(1), pods=pods)
    assert (down.rule, down.desired, down.limited) == ("warming_up", 10, None)
    assert down.evaluated
    assert choose(units(15), pods=pods).desired == 15
    assert choose(units(7), pods=pods).rule == "within_watermarks"


def test_warming_pods_block_convergence_downwards():
    spec = plain_spec(THREE[:1], tolerance=0, average=True, converge="high")
    pods = PodCounts(listed=10, owned=10, ready=10, counted=8, warming=2)
    assert choose(units(5), spec=spec, pods=pods).rule == "warming_up"
