"""When the fleet breaker opens and closes, by tables."""

import pytest

from scaler.core.metric_spec import Metric
from scaler.core.recommender import Recommender
from tests.oracle.worlds import metric
from tests.unit.scaler.core.fleets import BACKLOG, HOUR, MINUTE, SECOND, Fleets

CPU = (Metric("Resource", "cpu", 1000, 100),)
ADVICE = (Recommender("https://user:word@advice.example:8443/x", "recommender{targetType:cpu}"),)


@pytest.mark.parametrize(
    ("size", "bad", "share", "state"),
    [
        (10, 5, 50, "open"),
        (10, 4, 50, "closed"),
        (9, 9, 50, "closed"),
        (20, 7, 33, "open"),
        (20, 6, 33, "closed"),
        (100, 1, 1, "open"),
        (100, 0, 1, "closed"),
        (10, 10, 100, "open"),
        (10, 9, 100, "closed"),
        (1000, 1000, 0, "closed"),
    ],
)
def test_it_opens_from_its_share_on_and_never_for_fewer_than_ten(size, bad, share, state):
    fleet = Fleets(share)
    fleet.read(size)
    fleet.read(bad, "error")
    assert fleet.breaker.state == state


@pytest.mark.parametrize(
    "state", ["empty", "nan", "infinite", "stale", "error", "forbidden", "not_found"]
)
def test_whatever_is_wrong_with_a_metric_it_is_degraded(state):
    fleet = Fleets()
    fleet.read(10)
    fleet.read(10, state)
    assert fleet.breaker.state == "open"


def test_metrics_that_never_were_there_do_not_count():
    fleet = Fleets()
    fleet.read(1000, "not_found")
    assert fleet.breaker.metrics.known == 0
    fleet.read(9, first=2000)
    fleet.read(9, "error", first=2000)
    assert fleet.breaker.state == "closed"


@pytest.mark.parametrize(
    ("signals", "kind", "name"),
    [
        (BACKLOG, "source", "external.metrics.k8s.io"),
        (CPU, "source", "metrics.k8s.io"),
        (ADVICE, "source", "advice.example"),
    ],
)
def test_one_source_is_enough_and_is_named_without_credentials(signals, kind, name):
    fleet = Fleets()
    others = {BACKLOG: CPU}.get(signals, BACKLOG)
    fleet.read(1000, signals=others)
    fleet.read(10, signals=signals, first=1000)
    fleet.read(10, "error", signals=signals, first=1000)
    assert fleet.breaker.state == "open"
    (turn,) = fleet.breaker.turns()
    assert (turn.to, turn.group.kind, turn.group.name) == ("open", kind, name)
    assert (turn.degraded, turn.known) == (5, 10)
    assert turn.text == (
        f"shrinking is frozen since 5 of 10 metrics that were there went missing ({name})"
    )
    assert fleet.breaker.opened == {"source": 1}


def test_one_metric_of_many_is_enough():
    fleet = Fleets()
    fleet.read(1000, signals=(metric(1000, 100, "lag"),))
    fleet.read(10, first=1000)
    fleet.read(10, "not_found", first=1000)
    (turn,) = fleet.breaker.turns()
    assert str(turn.group) == "metric backlog"


def test_sources_that_fail_a_little_each_can_do_it_together():
    fleet = Fleets()
    for first, name in enumerate("abcd"):
        source = (Recommender(f"https://{name}.example/", f"recommender{{{name}}}"),)
        fleet.read(8, signals=source, first=8 * first)
        fleet.read(4, "error", signals=source, first=8 * first)
    (turn,) = fleet.breaker.turns()
    assert str(turn.group) == "all sources"


def test_what_is_told_of_an_opening_names_examples_and_states():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(3, "not_found")
    fleet.read(7, "error", first=3)
    (turn,) = fleet.breaker.turns()
    assert turn.examples[0] == "shop/w0 backlog"
    assert len(turn.examples) == 5
    assert turn.states == {"error": 7, "not_found": 3}
    assert list(turn.states) == ["error", "not_found"]


def test_it_closes_after_a_minute_below_half_its_share_in_every_group():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(20, "error")
    fleet.read(15)
    # 5 of 20 is half of the share.
    assert fleet.pass_time(10 * MINUTE) == "open"
    fleet.read(1, first=15)
    assert fleet.pass_time(MINUTE - 1) == "open"
    fleet.read(1, "error")
    fleet.read(1)
    assert fleet.pass_time(MINUTE - 1) == "open"
    assert fleet.pass_time(1) == "thawing"
    opened, thaws = fleet.breaker.turns()
    assert (opened.to, thaws.to) == ("open", "thawing")
    assert thaws.lasted == 12 * MINUTE - 1
    assert thaws.text == (
        "shrinking is limited after many metrics were missing: no more than 10 % of all replicas "
        "go in a minute"
    )


def test_what_it_says_stays_the_same_for_as_long_as_it_is_open():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(20, "error")
    first = fleet.fleet
    for _ in range(10):
        fleet.pass_time(15 * SECOND)
        fleet.read(20, "stale")
        assert fleet.fleet == first


def test_a_metric_that_is_gone_for_an_hour_counts_no_more():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(20, "not_found")
    for _ in range(60):
        fleet.pass_time(MINUTE)
        fleet.read(20, "not_found")
    assert fleet.breaker.state == "open"
    assert fleet.breaker.metrics.degraded == 20
    fleet.pass_time(1)
    assert fleet.breaker.metrics.known == 0
    assert fleet.pass_time(MINUTE) == "thawing"
    fleet.read(20)
    fleet.read(20, "error")
    assert fleet.breaker.state == "open", "it was there again"


def test_a_metric_that_nobody_reads_does_not_hide_an_outage_of_others():
    fleet = Fleets()
    fleet.read(100)
    for _ in range(61):
        fleet.pass_time(MINUTE)
        fleet.read(20)
    assert fleet.breaker.metrics.known == 20
    fleet.read(10, "error")
    assert fleet.breaker.state == "open"


def test_a_metric_that_was_not_read_for_long_is_still_known_to_have_been_there():
    fleet = Fleets()
    fleet.read(20)
    fleet.pass_time(2 * HOUR)
    fleet.read(10, "error")
    assert fleet.breaker.state == "open"


def test_an_edit_keeps_what_is_known_of_the_metrics_that_stay():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(20, "error")
    other_marks = (metric(2000, 50, "backlog"), metric(5, 1, "lag"))
    fleet.read(20, "error", signals=other_marks)
    assert (fleet.breaker.metrics.fresh, fleet.breaker.metrics.degraded) == (0, 20)
    fleet.read(20, "error", signals=CPU)
    assert fleet.breaker.metrics.known == 0


def test_who_leaves_counts_no_more_and_the_last_one_ends_it():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(20, "error")
    for number in range(10):
        fleet.breaker.leave([f"u{number}"], fleet.at)
    assert (fleet.breaker.state, fleet.breaker.metrics.known) == ("open", 10)
    for number in range(10, 20):
        fleet.breaker.leave([f"u{number}"], fleet.at)
    assert fleet.breaker.state == "closed"
    assert fleet.fleet is None
    fleet.breaker.leave(["nobody"], fleet.at)


def test_who_leaves_together_is_not_judged_one_by_one():
    fleet = Fleets()
    fleet.read(40)
    fleet.read(19, "error", first=21)
    fleet.breaker.leave([f"u{number}" for number in range(40)], fleet.at)
    assert fleet.breaker.turns() == []


def test_evaluations_that_asked_for_no_metrics_change_nothing():
    fleet = Fleets()
    fleet.read(20)
    fleet.read(9, "error")
    for number in range(20):
        fleet.breaker.hear(f"u{number}", "", BACKLOG, (), 10, fleet.at)
    assert (fleet.breaker.metrics.fresh, fleet.breaker.metrics.degraded) == (11, 9)
