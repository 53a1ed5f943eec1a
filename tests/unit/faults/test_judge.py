"""The judge of the fault matrix condemns each kind of unsafe shrink, and no other write."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from msgspec import structs

from tests.faults.judge import Answer, Load, Pods, Rules, Truth, unsafe

NOW = 1_800_000_000_000
LOW = 300
THIRD = Fraction(LOW, 3)


def heard(seconds: float, *values: int | Fraction) -> Answer:
    """What was heard so long ago; the low load where nothing else is said."""
    numbers = tuple(Fraction(one) for one in values) or (THIRD,) * 3
    return Answer(NOW - round(seconds * 1000), numbers)


def world(**changes: Any) -> Truth:
    """Eight pods under a load for three, for ten minutes, all of it heard."""
    fair = Truth(
        Rules(delay=120_000),
        [Load(NOW - 600_000, LOW)],
        [heard(15 * turn + 0.1) for turn in range(20, -1, -1)],
        (NOW - 200_000,),
        Pods(owned=8, ready=8, warming=0),
        leads=True,
        read=8,
    )
    return structs.replace(fair, **changes)


def test_a_fair_shrink_is_safe():
    assert unsafe(8, 4, NOW, world()) == []


def without_hearing_for(begin: float, end: float) -> list[Answer]:
    """A gap in what was heard, in seconds ago."""
    return [one for one in world().answers if not end * 1000 < NOW - one.at < begin * 1000]


SILENT = structs.replace(heard(0.05), values=None)
PLANTED: list[tuple[str, Callable[[], list[str]]]] = [
    ("1: no metric was read", lambda: unsafe(8, 4, NOW, world(answers=[]))),
    ("1: no metric was read", lambda: unsafe(8, 4, NOW, world(answers=[heard(70)]))),
    ("1: the metric gave no value",
     lambda: unsafe(8, 4, NOW, world(answers=[*world().answers, SILENT]))),
    ("1: a part of the metric was missing",
     lambda: unsafe(8, 4, NOW, world(answers=[*world().answers, heard(0.05, 100, 100)]))),
    ("1: a part of the metric was missing",
     lambda: unsafe(8, 4, NOW, world(answers=[*world().answers, Answer(NOW - 50, ())]))),
    ("1: the value is no load",
     lambda: unsafe(8, 4, NOW, world(answers=[*world().answers, heard(0.05, -100, -100, -100)]))),
    ("1: no such load was there",
     lambda: unsafe(8, 4, NOW, world(answers=[*world().answers, heard(0.05, 99, 100, 100)]))),
    # What was heard just now was so three minutes ago, whatever it was dated.
    ("1: no such load was there",
     lambda: unsafe(8, 4, NOW, world(loads=[Load(NOW - 600_000, LOW), Load(NOW - 121_000, 360)]))),
    ("2: no load that was there",
     lambda: unsafe(8, 4, NOW, world(loads=[Load(NOW - 600_000, LOW), Load(NOW - 121_000, 4000)]))),
    ("2: no load that was there", lambda: unsafe(4, 2, NOW, world(read=4))),
    ("3: within the forbidden window", lambda: unsafe(8, 4, NOW, world(scalings=(NOW - 100_000,)))),
    ("3: the load was not low",
     lambda: unsafe(8, 4, NOW, world(
         rules=Rules(delay=240_000), loads=[Load(NOW - 600_000, 4000), Load(NOW - 200_000, LOW)]))),
    ("3: the value was not low",
     lambda: unsafe(8, 4, NOW, world(
         answers=[*world().answers[:-3], heard(30, 900, 900, 900), heard(1)]))),
    ("3: a long gap", lambda: unsafe(8, 4, NOW, world(answers=without_hearing_for(80, 20)))),
    ("4: further than the velocity limit", lambda: unsafe(8, 3, NOW, world())),
    ("4: below minReplicas", lambda: unsafe(8, 4, NOW, world(rules=Rules(fewest=5)))),
    ("4: too few pods", lambda: unsafe(8, 4, NOW, world(pods=Pods(8, 3, 0)))),
    ("4: too few pods", lambda: unsafe(8, 4, NOW, world(pods=Pods(0, 0, 0)))),
    ("4: Ready pods were too young", lambda: unsafe(8, 4, NOW, world(pods=Pods(8, 8, 1)))),
    ("5: the writer did not lead", lambda: unsafe(8, 4, NOW, world(leads=False))),
    ("5: somebody else", lambda: unsafe(8, 4, NOW, world(read=9))),
    ("5: somebody else", lambda: unsafe(8, 4, NOW, world(read=None))),
]  # fmt: skip


@pytest.mark.parametrize(("why", "plant"), PLANTED, ids=[why for why, _ in PLANTED])
def test_a_planted_write_is_condemned(why, plant):
    assert [reason for reason in plant() if reason.startswith(why)], plant()


@pytest.mark.parametrize(("before", "after"), [(4, 8), (8, 8)])
def test_growth_is_never_unsafe(before, after):
    assert unsafe(before, after, NOW, world(answers=[], leads=False)) == []


def test_a_load_that_was_low_within_the_maximum_age_allows_it():
    risen = [Load(NOW - 600_000, LOW), Load(NOW - 110_000, 9000)]
    assert unsafe(8, 4, NOW, world(loads=risen)) == []


def test_a_correction_to_a_lowered_maximum_needs_no_evidence():
    truth = world(rules=Rules(most=6), answers=[], scalings=(NOW - 1_000,), read=8)
    assert unsafe(8, 6, NOW, truth) == []
    assert unsafe(8, 5, NOW, truth) != []


def test_what_is_exactly_on_time_is_safe():
    assert unsafe(8, 4, NOW, world(scalings=(NOW - 120_000,))) == []
    short = [Load(NOW - 600_000, 4000), Load(NOW - 120_000, LOW)]
    assert unsafe(8, 4, NOW, world(loads=short)) == []
