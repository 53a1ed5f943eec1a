"""What a new leader makes of what its predecessor left behind."""

import pytest

from scaler.core.fleet_evidence import Recalled
from tests.unit.scaler.core.fleets import BACKLOG, HOUR, MINUTE, SECOND, Fleets


def recalled(number: int, health: str = "fresh", **more: object) -> Recalled:
    fields: dict[str, object] = {"replicas": 10, "healths": (health,)} | more
    return Recalled(f"u{number}", f"shop/w{number}", BACKLOG, **fields)  # type: ignore[arg-type]


def test_a_successor_opens_before_its_first_evaluation():
    fleet = Fleets()
    fleet.breaker.recall([recalled(number, "degraded") for number in range(12)], 0)
    assert fleet.breaker.state == "open"


def test_a_successor_counts_what_was_there_as_well():
    fleet = Fleets()
    bad = [recalled(number, "degraded") for number in range(12)]
    fleet.breaker.recall([*bad, *(recalled(number) for number in range(12, 40))], 0)
    assert fleet.breaker.state == "closed"
    assert (fleet.breaker.metrics.fresh, fleet.breaker.metrics.degraded) == (28, 12)


def test_what_was_missing_for_long_before_a_change_of_leaders_expires_in_its_time():
    fleet = Fleets()
    late = [recalled(number, "degraded", degraded_for=HOUR // 2) for number in range(6)]
    early = [recalled(number, "degraded", degraded_for=HOUR - MINUTE) for number in range(6, 12)]
    fleet.breaker.recall([*late, *early], 0)
    fleet.pass_time(MINUTE + 1)
    assert fleet.breaker.metrics.degraded == 6
    fleet.pass_time(HOUR // 2)
    assert fleet.breaker.metrics.degraded == 0


def test_a_successor_goes_on_with_a_thaw():
    fleet = Fleets()
    fleet.breaker.recall([recalled(number, held=number == 3) for number in range(20)], 0)
    assert fleet.breaker.state == "thawing"
    assert fleet.allowance() == 0
    fleet.pass_time(30 * SECOND)
    assert fleet.allowance() == 10


@pytest.mark.parametrize(("size", "share"), [(9, 50), (20, 0)])
def test_no_thaw_is_taken_over_where_the_breaker_has_no_say(size, share):
    fleet = Fleets(share)
    fleet.breaker.recall([recalled(number, held=True) for number in range(size)], 0)
    assert fleet.breaker.state == "closed"


@pytest.mark.parametrize(("held", "state"), [(True, "open"), (False, "closed")])
def test_what_may_never_have_been_there_counts_only_if_something_was_held_back(held, state):
    fleet = Fleets()
    missing = [
        recalled(number, "unknown", doubtful=frozenset({0}), held=held and number == 0)
        for number in range(12)
    ]
    fleet.breaker.recall(missing, 0)
    assert fleet.breaker.state == state


def test_what_is_known_by_own_evaluations_is_not_recalled():
    fleet = Fleets()
    fleet.read(20)
    fleet.breaker.recall([recalled(number, "degraded") for number in range(20)], 0)
    assert (fleet.breaker.state, fleet.breaker.metrics.fresh) == ("closed", 20)
