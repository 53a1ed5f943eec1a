"""Kept answers stay within their bytes; what was asked for longest ago goes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.documents import value_list
from adapter.core.question import Policy, Question
from adapter.core.results import Answer, Sample, UpstreamError
from adapter.readings import Kept, Reading, Readings


def kept(at: float = 0.0, series: int = 1, policy: Policy | None = None) -> Kept:
    answer = Answer(tuple(Sample({"n": str(n)}, 0, n) for n in range(series)))
    found = Kept("m", policy or Policy(), Reading("m", answer, asked_at=at), ttl=5.0, stale=30.0)
    found.read_at = at
    return found


def key(number: int) -> tuple[str, Question]:
    return "m", Question(f"m{number}")


def test_those_asked_for_longest_ago_make_room():
    one = kept().reading.size + len("m10")
    readings = Readings(10 * one)
    for number in range(10):
        readings.keep(key(number), kept(at=100.0 - number))
    readings.keep(key(10), kept(at=200.0))
    assert readings.get(key(10)) is not None
    assert readings.get(key(0)) is not None
    assert readings.get(key(9)) is None


def test_long_questions_count():
    readings = Readings(100_000)
    for number in range(10):
        readings.keep(("m", Question(f"{number}" * 30_000)), kept(at=float(number)))
    assert 1 <= len(readings) <= 3
    assert all(question.promql[0] in "789" for (_, question), _ in readings)


def test_what_is_larger_than_everything_is_not_kept():
    readings = Readings(10_000)
    readings.keep(key(1), kept())
    readings.keep(key(1), kept(series=10_000))
    assert len(readings) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.booleans()), max_size=40))
def test_the_bytes_never_exceed_the_limit(steps):
    readings = Readings(20_000)
    for at, (number, series, drop) in enumerate(steps):
        if drop:
            readings.drop(key(number))
        else:
            readings.keep(key(number), kept(float(at), series))
        assert sum(one.reading.size for _, one in readings) <= 20_000
        assert len(readings) <= 10
    for number in range(6):
        readings.drop(key(number))
    readings.keep(key(0), kept())
    assert readings.get(key(0)) is not None


def test_what_is_unread_and_too_old_to_stand_in_is_forgotten():
    readings = Readings(100_000)
    readings.keep(key(1), kept(at=0.0))
    readings.keep(key(2), kept(at=10.0))
    readings.keep(key(3), kept(at=0.0, policy=Policy(cache_ttl=60.0)))
    readings.forget_unread(35.0)
    assert [one for one, _ in readings] == [key(2), key(3)]


@pytest.mark.parametrize(
    ("policy", "serves"),
    [
        (Policy(), 5.25),
        (Policy(cache_ttl=1.0), 1.1),
        (Policy(stale_for=0.0), 5.0),
        (Policy(on_error="error"), 5.0),
        (Policy(cache_ttl=0.0), 0.0),
        (Policy(cache_ttl=60.0), 60.0),
    ],
)
def test_a_refresh_may_come_a_little_late_unless_old_values_are_unwanted(policy, serves):
    assert kept(policy=policy).serves == pytest.approx(serves)


def test_a_refusal_is_raised_anew_each_time():
    refusal = UpstreamError("no series", "empty")
    reading = Reading("m", Answer(()), asked_at=0.0, refusal=refusal)
    for _ in range(2):
        with pytest.raises(UpstreamError) as caught:
            reading.handed_out()
        assert caught.value is not refusal
        assert (caught.value.kind, caught.value.detail) == ("no series", "empty")


def test_another_spelling_of_the_name_gets_the_same_items():
    samples = (Sample({"a": "\u00fc"}, 1_700_000_000_000, 1500), Sample({}, 0, -1))
    reading = Reading("m", Answer(samples), asked_at=0.0, window=60)
    assert reading.body("m") == value_list("m", samples, 60)
    assert reading.body("M") == value_list("M", samples, 60)
