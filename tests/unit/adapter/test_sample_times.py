"""Samples and their real times are put together by labels, and none is dated by a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.results import Answer, LeftOut, Sample, UpstreamError
from adapter.core.sample_times import dated

AT = 1_700_000_000_500
SEEN = 1_699_999_985_250
A, B = {"__name__": "depth", "queue": "a"}, {"__name__": "depth", "queue": "b"}


def values(*samples: tuple[dict[str, str], int]) -> Answer:
    return Answer(tuple(Sample(labels, AT, milli) for labels, milli in samples))


def instants(answer: Answer) -> dict[str, int]:
    return {sample.labels["queue"]: sample.at for sample in answer.samples}


def test_times_belong_to_series_by_labels_without_the_name():
    times = values(({"queue": "b"}, SEEN), ({"queue": "a"}, SEEN - 1000))
    found = dated(values((A, 1), (B, 2)), times)
    assert instants(found) == {"a": SEEN - 1000, "b": SEEN}
    assert [sample.milli for sample in found.samples] == [1, 2]


def test_one_time_without_labels_dates_all():
    found = dated(values((A, 1), (B, 2)), values(({}, SEEN)))
    assert instants(found) == {"a": SEEN, "b": SEEN}


def test_a_sample_without_a_time_is_left_out():
    found = dated(values((A, 1), (B, 2)), values(({"queue": "a"}, SEEN)))
    assert instants(found) == {"a": SEEN}
    assert found.left_out == (LeftOut(B, "undated"),)
    nothing = dated(values((A, 1)), Answer(()))
    assert (nothing.samples, nothing.absence) == ((), "undated")


def test_a_time_without_labels_beside_others_dates_nobody():
    times = values(({}, SEEN), ({"queue": "a"}, SEEN))
    assert instants(dated(values((A, 1), (B, 2)), times)) == {"a": SEEN}


def test_a_time_that_is_not_a_number_dates_nobody():
    times = Answer((Sample({"queue": "a"}, AT, SEEN),), (LeftOut({"queue": "b"}, "nan"),))
    assert instants(dated(values((A, 1), (B, 2)), times)) == {"a": SEEN}


def test_the_oldest_of_several_times_counts():
    times = values(({"__name__": "x", "queue": "a"}, SEEN), ({"queue": "a"}, SEEN - 5))
    assert instants(dated(values((A, 1)), times)) == {"a": SEEN - 5}


def test_a_clock_ahead_makes_nothing_fresher_than_the_evaluation():
    assert instants(dated(values((A, 1)), values((A, AT + 60_000)))) == {"a": AT}


@pytest.mark.parametrize("milli", [-1, 253_402_300_800_000, 10**18])
def test_what_is_no_instant_is_a_bad_answer(milli):
    with pytest.raises(UpstreamError) as caught:
        dated(values((A, 1)), values((A, milli)))
    assert caught.value.kind == "bad response"


def test_what_was_left_out_and_warned_of_stays_told():
    answer = Answer((Sample(A, AT, 1),), (LeftOut(B, "inf"),), warnings=1)
    times = Answer((Sample({"queue": "a"}, AT, SEEN),), warnings=2)
    found = dated(answer, times)
    assert (found.left_out, found.warnings) == ((LeftOut(B, "inf"),), 3)


@given(
    st.lists(st.sampled_from("abcd"), unique=True),
    st.dictionaries(st.sampled_from("abcde"), st.integers(0, AT)),
)
def test_every_sample_is_dated_by_its_own_time_or_left_out(queues, times):
    found = dated(
        values(*(({"queue": one}, 1) for one in queues)),
        values(*(({"queue": one}, at) for one, at in times.items())),
    )
    assert instants(found) == {one: times[one] for one in queues if one in times}
    assert len(found.samples) + found.dropped == len(queues)
