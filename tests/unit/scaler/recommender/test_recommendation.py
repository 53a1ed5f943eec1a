"""What a recommended count proposes, against the text of wpa-behaviour §18 stated anew (D11)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from scaler.core.observed import Reading
from scaler.core.recommendation import recommend
from scaler.core.recommender import Advice
from scaler.core.watermarks import Proposal
from tests.oracle.worlds import NOW, plain_spec

LARGEST = 2**31 - 1


class Stated(Struct, frozen=True):
    """The section's own terms."""

    replicas: int
    above: bool
    below: bool


def stated(r: int, lo: int, up: int, cur: int, k: int, tolerate_zero: bool, mode: Any) -> Stated:
    """The calculation of §18, sentence by sentence."""
    if r == 0 and not tolerate_zero:
        return Stated(cur, False, False)
    below, above = cur > up, cur < lo
    multiple = next(r + more for more in range(k) if (r + more) % k == 0)
    if r > cur:
        return Stated(max(multiple, cur), above, below)
    if r < cur:
        return Stated(min(multiple, cur), above, below)
    if mode == "high":
        o = max(cur - k, 1)
        return Stated(o if o >= lo else cur, False, False)
    if mode == "low":
        o = cur + k
        return Stated(o if o <= up else cur, False, False)
    return Stated(cur, False, False)


def propose(r: int, lo: int, up: int, current: int, **fields: Any) -> Proposal:
    spec, advice = plain_spec(**fields), Advice(r, lo, up)
    return recommend(spec, advice, Reading("ok", 1500, 1, NOW, advice=advice), current)


counts = st.one_of(st.integers(0, 30), st.integers(0, LARGEST))


@given(
    r=counts,
    bounds=st.tuples(st.integers(-3, 40), st.integers(-3, 40)),
    cur=st.integers(1, 30),
    k=st.integers(1, 7),
    tolerate_zero=st.booleans(),
    mode=st.sampled_from([None, "high", "low"]),
)
def test_the_proposal_is_that_of_the_text(r, bounds, cur, k, tolerate_zero, mode):
    lo, up = bounds
    found = propose(r, lo, up, cur, modulo=k, tolerate_zero=tolerate_zero, converge=mode)
    wanted = stated(r, lo, up, cur, k, tolerate_zero, mode)
    assert found.replicas == min(wanted.replicas, LARGEST)
    above, below = found.region == "above", found.region == "below"
    if wanted.above and wanted.below:
        # Bounds that exclude each other: only the direction that is taken is told.
        assert (above, below) == (r > cur, r < cur)
    else:
        assert (above, below) == (wanted.above, wanted.below)


@pytest.mark.parametrize(
    ("advice", "current", "fields", "region", "replicas"),
    [
        ((9, 7, 11), 5, {}, "above", 9),
        ((9, 4, 11), 5, {}, "inside", 9),
        ((9, 9, 9), 5, {}, "above", 9),
        ((3, 2, 4), 5, {}, "below", 3),
        ((3, 2, 6), 5, {}, "inside", 3),
        ((5, 1, 9), 5, {}, "inside", 5),
        ((5, 7, 9), 5, {}, "inside", 5),  # at the recommended count nothing is above
        ((7, 6, 8), 4, {"modulo": 5}, "above", 10),
        ((4, 3, 4), 9, {"modulo": 5}, "below", 5),
        ((6, 5, 6), 7, {"modulo": 5}, "below", 7),  # up to 10, cut to the current count
        ((5, 3, 7), 5, {"converge": "high", "modulo": 2}, "inside", 3),
        ((5, 4, 7), 5, {"converge": "high", "modulo": 2}, "inside", 5),
        ((5, 3, 7), 5, {"converge": "low", "modulo": 2}, "inside", 7),
        ((5, 3, 6), 5, {"converge": "low", "modulo": 2}, "inside", 5),
        ((0, 0, 0), 5, {}, "zero", 5),
        ((0, 0, 0), 5, {"tolerate_zero": True}, "below", 0),
        ((LARGEST, 1, 1), 5, {"modulo": 7}, "below", LARGEST),
    ],
)
def test_worked_examples(advice, current, fields, region, replicas):
    recommended, lower, upper = advice
    found = propose(recommended, lower, upper, current, **fields)
    assert (found.region, found.replicas) == (region, replicas)


def test_converging_says_whether_it_was_taken():
    assert propose(5, 1, 9, 5, converge="high").convergence == "taken"
    assert propose(5, 5, 5, 5, converge="high").convergence == "refused"
    assert propose(5, 1, 9, 5).convergence == "off"
