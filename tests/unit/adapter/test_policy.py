"""What rules make of answers, case by case."""

import pytest

from adapter.core.policy import fallback, judged, stale_for
from adapter.core.question import Policy
from adapter.core.results import Answer, LeftOut, Sample, UpstreamError

AT = 1_700_000_000_000
ONE = Sample({"queue": "a"}, AT, 1500)
TWO = Sample({"queue": "b"}, AT, 2500)
NAN = LeftOut({"queue": "c"}, "nan")
EMPTY = Answer(())
ALL_NAN = Answer((), (NAN,))
SOME_NAN = Answer((ONE,), (NAN,))
PARTIAL = Answer((ONE,), warnings=2)
ZERO = Answer((Sample({}, AT, 0),))


@pytest.mark.parametrize(
    ("policy", "answer", "expected"),
    [
        (Policy(), EMPTY, EMPTY),
        (Policy(), ALL_NAN, ALL_NAN),
        (Policy(), SOME_NAN, SOME_NAN),
        (Policy(), PARTIAL, PARTIAL),
        (Policy(), Answer((ONE, TWO)), Answer((ONE, TWO))),
        (Policy(on_empty="zero"), EMPTY, ZERO),
        # There is a series, and its value is unknown: never zero.
        (Policy(on_empty="zero"), ALL_NAN, ALL_NAN),
        (Policy(on_empty="zero"), SOME_NAN, SOME_NAN),
        (Policy(on_empty="error"), EMPTY, "no series"),
        (Policy(on_empty="error"), ALL_NAN, "no series"),
        (Policy(on_empty="error"), SOME_NAN, SOME_NAN),
        (Policy(non_finite="error"), SOME_NAN, "not a number"),
        (Policy(non_finite="error"), EMPTY, EMPTY),
        (Policy(on_warnings="error"), PARTIAL, "partial answer"),
        (Policy(on_warnings="error"), Answer((ONE,)), Answer((ONE,))),
        (Policy(expect="one"), Answer((ONE,)), Answer((ONE,))),
        (Policy(expect="one"), EMPTY, EMPTY),
        (Policy(expect="one"), Answer((ONE, TWO)), "several series"),
        (Policy(expect="one"), SOME_NAN, "several series"),
        (Policy(max_series=1), Answer((ONE,)), Answer((ONE,))),
        (Policy(max_series=1), Answer((ONE, TWO)), "too large"),
        (Policy(max_series=1), SOME_NAN, "too large"),
        (Policy(min_series=2), Answer((ONE, TWO)), Answer((ONE, TWO))),
        (Policy(min_series=2), Answer((ONE,)), "partial answer"),
        (Policy(min_series=2), EMPTY, "partial answer"),
        # A series without a value is one that is missing.
        (Policy(min_series=2), SOME_NAN, "partial answer"),
        (Policy(min_series=1, on_empty="error"), EMPTY, "partial answer"),
    ],
)
def test_what_becomes_of_an_answer(policy, answer, expected):
    if isinstance(expected, Answer):
        assert judged(answer, policy, AT) == expected
    else:
        with pytest.raises(UpstreamError) as caught:
            judged(answer, policy, AT)
        assert caught.value.kind == expected


def test_only_a_rule_that_says_so_has_a_value_for_failures():
    assert fallback(Policy(), AT) is None
    assert fallback(Policy(on_error="error"), AT) is None
    named = Policy(on_error="value", error_milli=7500)
    assert fallback(named, AT) == Answer((Sample({}, AT, 7500),))


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        (Policy(), 30.0),
        (Policy(stale_for=90.0), 90.0),
        (Policy(stale_for=0.0), 0.0),
        (Policy(on_error="error", stale_for=90.0), 0.0),
        (Policy(on_error="value"), 30.0),
    ],
)
def test_how_long_an_old_answer_stands_in(policy, seconds):
    assert stale_for(policy, 30.0) == seconds
