"""A number that cannot be a load is no evidence: negative where the low mark is not (D38)."""

import pytest
from msgspec import structs

from scaler.core.decision import decide
from scaler.core.observed import Reading
from scaler.core.recommender import Advice
from tests.oracle.scenes import RECOMMENDER
from tests.oracle.worlds import NOW, good, held_for, look, metric, plain_spec

MEMORY = held_for(9999)
BACKLOG = metric(1_000_000, 100_000)


@pytest.mark.parametrize("value", [-1, -500_000, -(2**63) + 1])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("kind", ["External", "Resource"])
def test_a_negative_value_moves_nothing_and_says_why(kind, average, value):
    spec = plain_spec((structs.replace(BACKLOG, kind=kind),), average=average)
    decision = decide(spec, look(10, good(value), memory=MEMORY), NOW)
    assert (decision.desired, decision.rule) == (10, "metric_unavailable")
    assert decision.memory == MEMORY
    (reading,) = decision.readings
    assert reading.state == "error"
    assert "is negative, which no load is: the low watermark 100 is positive" in reading.detail


def test_it_is_the_total_that_counts():
    """A correction among several series is no fault of the sum."""
    decision = decide(plain_spec(), look(10, good(0), memory=MEMORY), NOW)
    assert decision.readings[0].good


@pytest.mark.parametrize("low", [0, -100_000])
def test_where_the_low_mark_is_not_positive_negative_values_are_meant(low):
    spec = plain_spec((metric(1_000_000, low),))
    decision = decide(spec, look(10, good(-500_000), memory=MEMORY), NOW)
    assert decision.readings[0].good
    assert [each.region for each in decision.proposals if each] == ["below"]


def test_beside_a_good_metric_it_holds_back_and_lets_growth_through():  # D13
    spec = plain_spec((BACKLOG, metric(1_000_000, 100_000, "other")))
    fewer = decide(spec, look(10, good(1_000), good(-1_000), memory=MEMORY), NOW)
    assert (fewer.desired, fewer.rule) == (10, "metric_unavailable")
    more = decide(spec, look(10, good(2_000_000), good(-1_000), memory=MEMORY), NOW)
    assert more.desired > 10


def test_a_recommender_shows_what_it_likes():
    spec = structs.replace(plain_spec(), metrics=(), recommender=RECOMMENDER)
    reading = Reading("ok", -5, 1, NOW, advice=Advice(12, 12, 12))
    assert decide(spec, look(10, reading, memory=MEMORY), NOW).readings[0].good
