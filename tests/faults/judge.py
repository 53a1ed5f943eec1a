"""Says of an accepted write whether it was an unsafe shrink (docs/safety.md), and why.

It looks at what was really so, never at what the scaler thought, and shares no rule with it: exact
fractions, written from the definition alone. Times are milliseconds of true time.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import floor

from msgspec import Struct

PRECISION = 2_000
"""Times in a status are cut to seconds, and a write comes a moment after its decision."""


class Rules(Struct, frozen=True):
    """What an object asks for. Marks are loads per pod, times milliseconds."""

    high: int = 1000
    low: int = 100
    tolerance: Fraction = Fraction(1, 100)
    down_factor: int = 50
    fewest: int = 1
    most: int = 20
    window: int = 120_000
    delay: int = 0
    readiness: int = 1_000
    available: int = 50
    max_age: int = 120_000
    period: int = 15_000
    parts: int = 3
    """How many exporters the load is the sum of."""


class Load(Struct, frozen=True):
    """The load from a moment on, until the next one."""

    at: int
    value: int


class Answer(Struct, frozen=True):
    """What the scaler heard of the metric: one number for each exporter; None where no value."""

    at: int
    values: tuple[Fraction, ...] | None = None


class Pods(Struct, frozen=True):
    """The target's pods as they were: live ones, Ready ones, and Ready ones that are too young."""

    owned: int
    ready: int
    warming: int


class Truth(Struct, frozen=True):
    """Everything that was so about one object when a write to it was accepted."""

    rules: Rules
    loads: Sequence[Load]
    answers: Sequence[Answer]
    scalings: Sequence[int]
    """When earlier counts were accepted from the scaler."""
    pods: Pods
    leads: bool = True
    """Whether the writer led the object at that moment."""
    read: int | None = None
    """The count that the writer was told last."""


def unsafe(before: int, after: int, at: int, truth: Truth) -> list[str]:
    """Why the write was an unsafe shrink, in the definition's order; empty where it was none."""
    if after >= before:
        return []
    found = [_by_wrong_hand(before, truth)]
    if not (before > truth.rules.most and after == truth.rules.most):
        found += [
            _without_evidence(at, truth),
            _against_the_load(before, after, at, truth),
            *_too_early(before, at, truth),
        ]
    found += _too_far(before, after, truth)
    return [why for why in found if why]


def _without_evidence(at: int, truth: Truth) -> str:
    heard = [one for one in truth.answers if one.at <= at]
    if not heard or heard[-1].at < at - 60_000:
        return "1: no metric was read for it"
    values = heard[-1].values
    if values is None:
        return "1: the metric gave no value"
    if len(values) < truth.rules.parts:
        return "1: a part of the metric was missing"
    if sum(values) < 0:
        return "1: the value is no load"
    loads = _between(truth, at - truth.rules.max_age, at)
    there = {Fraction(load, truth.rules.parts) for load in loads}
    if any(value not in there for value in values):
        return "1: no such load was there within the maximum sample age"
    return ""


def _against_the_load(before: int, after: int, at: int, truth: Truth) -> str:
    loads = _between(truth, at - truth.rules.max_age, at)
    if min(_fewest(before, load, truth.rules) for load in loads) > after:
        return "2: no load that was there allows so few"
    return ""


def _too_early(before: int, at: int, truth: Truth) -> list[str]:
    rules = truth.rules
    found = []
    past = [moment for moment in truth.scalings if moment < at]
    if past and at - past[-1] < rules.window - PRECISION:
        found.append("3: within the forbidden window")
    begin = at - rules.delay + PRECISION
    if not rules.delay:
        return found
    loads = _between(truth, begin, max(begin, at - rules.max_age))
    if any(not _below(before, load, rules) for load in loads):
        found.append("3: the load was not low for the whole delay")
    good = [one for one in truth.answers if begin <= one.at <= at and one.values is not None]
    if any(not _below(before, sum(one.values or ()), rules) for one in good):
        found.append("3: the value was not low for the whole delay")
    moments = [begin, *(one.at for one in good), at]
    if any(2 * (later - earlier) > 7 * rules.period for earlier, later in pairwise(moments)):
        found.append("3: a long gap in the evidence was taken for time below the mark")
    return found


def _too_far(before: int, after: int, truth: Truth) -> list[str]:
    rules, pods = truth.rules, truth.pods
    found = []
    if before - after > max(1, before * rules.down_factor // 100):
        found.append("4: further than the velocity limit")
    if after < rules.fewest:
        found.append("4: below minReplicas")
    if not pods.owned or Fraction(100 * pods.ready, pods.owned) < rules.available:
        found.append("4: too few pods were available")
    if pods.warming:
        found.append("4: Ready pods were too young to count")
    return found


def _by_wrong_hand(before: int, truth: Truth) -> str:
    if not truth.leads:
        return "5: the writer did not lead"
    if truth.read != before:
        return "5: somebody else had changed the count since it was read"
    return ""


def _fewest(before: int, load: int, rules: Rules) -> int:
    """What the marks ask for: as many as there are, unless the load is below the low one."""
    return max(1, floor(Fraction(load, rules.low))) if _below(before, load, rules) else before


def _below(pods: int, load: int | Fraction, rules: Rules) -> bool:
    return Fraction(load) / pods < rules.low * (1 - rules.tolerance)


def _between(truth: Truth, start: int, end: int) -> list[int]:
    """All loads that were there from `start` to `end`, both included."""
    spans = [*truth.loads, Load(10**18, 0)]
    return [load.value for load, after in pairwise(spans) if load.at <= end and after.at > start]
