"""How the fleet breaker lets go: a thaw, step by step."""

import pytest

from tests.unit.scaler.core.fleets import MINUTE, SECOND, thawing


def test_the_thaw_begins_with_nothing_and_takes_a_tenth_a_minute():
    fleet = thawing()
    assert fleet.allowance() == 0
    fleet.breaker.held_back(fleet.at)
    fleet.pass_time(30 * SECOND)
    assert fleet.allowance() == 10
    for _ in range(10):
        fleet.breaker.held_back(fleet.at)
        fleet.pass_time(30 * SECOND)
    assert fleet.allowance() == 20, "no more is saved than goes in a minute"
    promise = fleet.breaker.promise(20)
    assert promise is not None
    promise.settle(fleet.at, gone=True)
    fleet.breaker.held_back(fleet.at)
    fleet.pass_time(MINUTE - 1)
    assert fleet.allowance() == 0
    fleet.breaker.held_back(fleet.at)
    fleet.pass_time(1)
    assert fleet.allowance() == 20


@pytest.mark.parametrize(
    ("size", "replicas", "step", "portion"),
    [(20, 10, 1, 10), (20, 10, 25, 25), (10, 1, 1, 1), (10, 1, 3, 3), (500, 100, 1, 2500)],
)
def test_large_steps_go_in_halves_of_a_minutes_share(size, replicas, step, portion):
    fleet = thawing(size=size, replicas=replicas)
    allowed = fleet.breaker.allows(step, fleet.at)
    assert allowed is not None
    assert allowed.portion == portion


def test_what_is_promised_to_one_is_not_promised_to_another_and_comes_back_if_refused():
    fleet = thawing()
    fleet.pass_time(MINUTE - 1)
    assert fleet.allowance() == 19
    first, second = fleet.breaker.promise(12), fleet.breaker.promise(7)
    assert first is not None
    assert second is not None
    assert fleet.allowance() == 0
    first.settle(fleet.at, gone=False)
    assert fleet.allowance() == 12
    second.settle(fleet.at, gone=True)
    assert fleet.allowance() == 12


def test_a_small_fleet_saves_up_for_one_replica_and_for_one_multiple():
    fleet = thawing(size=10, replicas=1, percent=5)
    waited = 0
    while fleet.allowance() == 0:
        fleet.breaker.held_back(fleet.at)
        fleet.pass_time(SECOND)
        waited += SECOND
    assert waited == 2 * MINUTE, "5 % of 10 are half a replica a minute"
    while fleet.allowance(step=3) == 0:
        fleet.breaker.held_back(fleet.at)
        fleet.pass_time(SECOND)
        waited += SECOND
    assert waited == 6 * MINUTE
    promise = fleet.breaker.promise(3)
    assert promise is not None
    promise.settle(fleet.at, gone=True)
    assert fleet.allowance(step=3) == 0


def test_the_thaw_is_over_once_it_held_nothing_back_for_a_minute():
    fleet = thawing()
    fleet.pass_time(50 * SECOND)
    fleet.breaker.held_back(fleet.at)
    assert fleet.pass_time(MINUTE - 1) == "thawing"
    assert fleet.pass_time(1) == "closed"
    assert fleet.fleet is None
    (turn,) = fleet.breaker.turns()
    assert (turn.to, turn.lasted) == ("closed", 110 * SECOND)


def test_what_cannot_go_on_before_its_window_is_over_is_waited_for():
    fleet = thawing()
    fleet.breaker.held_back(fleet.at + 5 * MINUTE)
    fleet.breaker.held_back(fleet.at)
    assert fleet.pass_time(6 * MINUTE - 1) == "thawing"
    assert fleet.pass_time(1) == "closed"


def test_the_thaw_is_over_after_half_an_hour_whatever_it_holds_back():
    fleet = thawing()
    for _ in range(59):
        fleet.breaker.held_back(fleet.at)
        assert fleet.pass_time(30 * SECOND) == "thawing"
    assert fleet.pass_time(30 * SECOND) == "closed"


def test_an_outage_in_the_thaw_freezes_again_and_what_was_promised_before_is_no_matter():
    fleet = thawing()
    fleet.pass_time(30 * SECOND)
    promise = fleet.breaker.promise(5)
    assert promise is not None
    fleet.read(20, "error")
    assert fleet.breaker.state == "open"
    promise.settle(fleet.at, gone=True)
    assert fleet.breaker.promise(1) is None
    fleet.read(20)
    assert fleet.pass_time(MINUTE) == "thawing"
    assert fleet.allowance() == 0
