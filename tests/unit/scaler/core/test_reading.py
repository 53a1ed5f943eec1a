"""Evidence from samples: unknown is never zero, and age counts (D16, D17)."""

import pytest

from scaler.core.observed import (
    Reading,
    Sample,
    reading_of,
    resource_reading_of,
)
from tests.oracle.worlds import NOW

MAX_AGE = 120_000


def test_series_are_added_up():  # W-A11
    reading = reading_of([Sample(300_000, NOW), Sample(200_000, NOW - 5)], NOW, MAX_AGE)
    assert (reading.state, reading.value, reading.series, reading.at) == ("ok", 500_000, 2, NOW - 5)


def test_sums_do_not_wrap():
    assert reading_of([Sample(2**63 - 1)] * 3, NOW, MAX_AGE).value == 3 * (2**63 - 1)


def test_no_series_is_empty_and_not_zero():
    reading = reading_of([], NOW, MAX_AGE)
    assert (reading.state, reading.good) == ("empty", False)
    assert reading.detail == "no metrics returned from external metrics API"


def test_zero_and_negative_are_values():
    assert reading_of([Sample(0)], NOW, MAX_AGE).good
    assert reading_of([Sample(-5)], NOW, MAX_AGE).value == -5


def test_what_an_adapter_makes_of_nan_is_no_value():
    reading = reading_of([Sample(5), Sample(-9_223_372_036_854_775_808)], NOW, MAX_AGE)
    assert (reading.state, reading.good) == ("nan", False)


@pytest.mark.parametrize(
    ("ages", "state"),
    [
        ([120_000], "ok"), ([120_001], "stale"), ([0, 120_001], "stale"), ([120_001, 0], "stale"),
        ([-5_000], "ok"), ([None], "ok"), ([None, 120_001], "stale"),
        ([-120_000], "ok"), ([-120_001], "stale"), ([0, -120_001], "stale"),
        ([-120_001, 120_000], "stale"),
    ],
)  # fmt: skip
def test_the_oldest_sample_decides(ages, state):
    samples = [Sample(1, None if age is None else NOW - age) for age in ages]
    reading = reading_of(samples, NOW, MAX_AGE)
    assert reading.state == state
    assert reading.good is (state == "ok")


def test_a_stale_reading_says_how_old_it_is():
    text = reading_of([Sample(1, NOW - 200_500)], NOW, MAX_AGE).detail
    assert "200 s" in text
    assert "120 s" in text


def test_a_sample_dated_too_far_ahead_says_nothing_about_its_age():  # D39
    text = reading_of([Sample(1, NOW + 200_500)], NOW, MAX_AGE).detail
    assert text.startswith("the sample is dated 200 s ahead, further than the maximum age of 120 s")
    assert "check the clocks" in text


# Resource metrics: the samples of counted pods, by name (D7, D16).


def usage(*counted: str, **samples: int | tuple[int, int]) -> Reading:
    """A reading of pods; a sample is `(value, age)` or a value without a time."""
    given = {
        name: Sample(pair) if isinstance(pair, int) else Sample(pair[0], NOW - pair[1])
        for name, pair in samples.items()
    }
    return resource_reading_of(given, counted, NOW, MAX_AGE)


def test_only_counted_pods_are_looked_at():
    reading = usage("a", "b", a=(300, 10), b=(200, 5), foreign=(9000, 999_999))
    assert (reading.state, reading.value, reading.series, reading.missing) == ("ok", 500, 2, 0)
    assert reading.at == NOW - 10


def test_a_counted_pod_without_a_fresh_sample_is_missing():
    reading = usage("a", "b", "c", a=300, b=(200, MAX_AGE + 1))
    assert (reading.state, reading.value, reading.series, reading.missing) == ("ok", 300, 1, 2)
    assert reading.at == NOW


def test_exactly_the_maximum_age_is_fresh():
    assert usage("a", a=(300, MAX_AGE)).missing == 0
    assert usage("a", a=(300, MAX_AGE + 1)).state == "stale"
    assert usage("a", a=(300, -MAX_AGE)).missing == 0
    assert usage("a", a=(300, -MAX_AGE - 1)).state == "stale"
    assert usage("a", "b", a=300, b=(200, -MAX_AGE - 1)).missing == 1


def test_no_sample_of_any_counted_pod_is_no_value():
    reading = usage("a", "b", foreign=5)
    assert (reading.state, reading.good, reading.missing) == ("empty", False, 2)
    assert reading.detail == "did not receive metrics for any ready pods"


def test_idle_pods_are_no_missing_pods():
    reading = usage("a", a=0)
    assert (reading.state, reading.value, reading.series, reading.missing) == ("ok", 0, 1, 0)
