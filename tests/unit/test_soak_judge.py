"""The judge of the scaler's soaks finds what must not be, and nothing else."""

from random import Random
from typing import Any

import pytest

from kube.vocab.times import SECOND, Millis, format_rfc3339, parse_rfc3339
from tests.soak.scaler.consumers import Consumer, Load
from tests.soak.scaler.held import trend
from tests.soak.scaler.judge import Judge

START = parse_rfc3339("2026-01-31T12:00:00Z")
SPEC: dict[str, Any] = {
    "minReplicas": 2,
    "maxReplicas": 10,
    "scaleUpLimitFactor": 50,
    "scaleDownLimitFactor": 20,
    "upscaleForbiddenWindowSeconds": 120,
    "downscaleForbiddenWindowSeconds": 300,
}


class Hand:
    """A clock that stands where it was put."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> Millis:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND


class Steady(Load):
    """A load of 3000 all the time."""

    def at(self, moment: Millis) -> int:
        return 3000

    def lowest(self, start: Millis, end: Millis) -> int:
        return 3000


class Court:
    """A judge with one consumer."""

    def __init__(self) -> None:
        self.clock = Hand()
        self.consumer = Consumer("app", Random(0), Steady(Random(0), START, START))
        self.consumer.asks(SPEC, START)
        self.judge = Judge({"app": self.consumer}, self.clock)

    def after(self, seconds: float, before: int, after: int, fault: str = "") -> list[str]:
        """So much later the metric was answered and the count changed: what is wrong so far."""
        self.clock.at += round(seconds * SECOND)
        self.judge.answered("app", self.clock.at, fault)
        self.judge.scaled("app", "uid", before, after)
        return [problem.split(" ", 1)[1] for problem in self.judge.problems]

    def stored(
        self, replicas: int, said: Millis | None, generation: int = 1, running: int = 4
    ) -> str:
        """What is wrong with a stored status."""
        status: dict[str, Any] = {
            "currentReplicas": replicas,
            "desiredReplicas": replicas,
            "observedGeneration": generation,
        }
        if said is not None:
            status["lastScaleTime"] = format_rfc3339(said)
        wpa = {"metadata": {"uid": "uid", "generation": 1}, "status": status}
        self.judge.problems.clear()
        self.judge.remembered("app", wpa)
        return self.judge.unsettled(wpa, 4, running) or "".join(self.judge.problems)


@pytest.mark.parametrize(
    ("before", "after"), [(4, 6), (5, 4), (1, 2), (12, 10)], ids=["up", "down", "raised", "cut"]
)
def test_what_the_rules_allow_is_no_problem(before, after):
    assert Court().after(60, before, after) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (4, 7, "one step is 2 at most"),
        (10, 7, "one step is 2 at most"),
        (10, 11, "the bounds are 2 and 10"),
        (2, 1, "the bounds are 2 and 10"),
        (1, 3, "a correction would go to 2"),
        (3, 2, "the load was 3000 or more"),
    ],
)
def test_what_they_do_not_allow_is_one(before, after, words):
    (problem,) = Court().after(60, before, after)
    assert words in problem


def test_a_shrink_needs_an_answer_and_growth_is_not_asked_for_one():
    (problem,) = Court().after(60, 5, 4, fault="NaN")
    assert "the metric was last answered" in problem
    assert Court().after(60, 5, 6, fault="NaN") == []


def test_an_answer_that_nobody_waited_for_any_more_does_not_count():
    court = Court()
    court.after(60, 4, 6)
    court.judge.answered("app", court.clock.at - 40 * SECOND, "kept back")
    assert court.after(400, 6, 5) == []


def test_windows_hold_from_the_last_scaling_of_the_same_object():
    court = Court()
    court.after(60, 4, 6)
    assert court.after(130, 6, 8) == []
    (problem,) = court.after(50, 8, 10)
    assert "the last was 50 s ago, the window is 120" in problem


def test_an_edited_spec_counts_as_long_as_it_may_be_unknown():
    court = Court()
    court.consumer.asks({**SPEC, "maxReplicas": 6}, START + SECOND)
    assert court.after(60, 6, 8) == []
    (problem,) = court.after(300, 6, 8)
    assert "the bounds are 2 and 6" in problem


def test_the_status_has_to_say_what_became_of_it():
    court = Court()
    court.after(60, 5, 4)
    scaled = court.clock.at
    court.clock.at += 200 * SECOND
    assert court.stored(4, scaled - 2 * SECOND) == ""
    assert "the status says (5, 5)" in court.stored(5, scaled)
    assert "runs 5, the status says (4, 4)" in court.stored(4, scaled, running=5)
    assert "of another generation" in court.stored(4, scaled, generation=2)
    for said in (None, scaled - 90 * SECOND, scaled + 60 * SECOND):
        assert "the status says" in court.stored(4, said)


def test_a_figure_is_flat_within_a_twentieth_and_its_slack():
    assert trend("memory", [100.0] * 3 + [150.0] * 3 + [104.0] * 3).flat
    assert not trend("memory", [100.0] * 6 + [106.0] * 3).flat
    assert trend("tasks", [40.0] * 6 + [48.0] * 3, 10.0).flat
    assert trend("memory", [100.0] * 6 + [50.0] * 3).flat
