"""Instants, durations and clocks."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.vocab.times import (
    LoopClock,
    SystemClock,
    format_micro,
    format_rfc3339,
    moment_of,
    parse_duration,
    parse_rfc3339,
    whole_seconds,
)

ARABIC_15 = "\u0661\u0665"
"""Digits to Python's regular expressions, not to Go."""


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0), ("2019-08-20T18:57:44Z", 1_566_327_464_000),
        ("2019-08-20t18:57:44z", 1_566_327_464_000),
        ("2019-08-20T20:57:44+02:00", 1_566_327_464_000),
        ("2019-08-20T13:27:44-05:30", 1_566_327_464_000),
        ("1970-01-01T00:00:00.5Z", 500), ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T00:00:00.0009Z", 0), ("1969-12-31T23:59:59.250Z", -750),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ],
)  # fmt: skip
def test_rfc3339_times(text, millis):
    assert parse_rfc3339(text) == moment_of(text) == millis


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2019-08-20", "2019-08-20T18:57:44", "2019-08-20 18:57:44Z",
        "2019-13-01T00:00:00Z", "2019-02-29T00:00:00Z", "2019-08-20T24:00:00Z",
        "2019-08-20T18:60:00Z", "2019-08-20T18:57:61Z", "2019-08-20T18:57:99Z",
        "2019-08-20T18:57:44+2:00",
        "2019-08-20T18:57:44+24:00", "2019-08-20T18:57:44+02:60", "0000-01-01T00:00:00Z",
        "2019-08-20T18:57:44.Z", " 2019-08-20T18:57:44Z", "2019-08-20T18:57:44Z\n", "1566327464",
        # Before the year 1 and after 9999: times that could not be written again.
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
    ],
)  # fmt: skip
def test_what_is_no_rfc3339_time(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)
    assert moment_of(text) is None


@settings(max_examples=200)
@given(millis=st.integers(0, 253_402_300_799_999))
def test_formats_against_datetime(millis):
    moment = datetime.fromtimestamp(millis // 1000, UTC)
    assert datetime.fromisoformat(format_rfc3339(millis)) == moment
    assert parse_rfc3339(format_rfc3339(millis)) == whole_seconds(millis)
    assert parse_rfc3339(format_micro(millis)) == millis
    assert len(format_micro(millis)) == len("2019-08-20T18:57:44.000000Z")


def test_formats_keep_four_digits_of_the_year():
    assert format_rfc3339(parse_rfc3339("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00Z"


def test_seconds_are_cut_not_rounded():
    assert format_rfc3339(1_999) == "1970-01-01T00:00:01Z"
    assert whole_seconds(1_999) == 1_000


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("15s", 15_000), ("1m30s", 90_000), ("500ms", 500), ("15", 15_000), ("0", 0), ("0s", 0),
        ("1h", 3_600_000), ("1.5h", 5_400_000), ("2h45m", 9_900_000), ("1.5", 1_500), (".5s", 500),
        ("1us", 0), ("1500us", 2), ("1500µs", 2), ("2000000ns", 2), ("1h1m1s1ms", 3_661_001),
    ],
)  # fmt: skip
def test_durations(text, millis):
    assert parse_duration(text) == millis


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "s", "1x", "-5s", "15 s", "1m 30s", "five", "1e3", "1s2", "1d", "15S", "1..5s",
        ARABIC_15, "9" * 400, "9" * 400 + "h",
    ],
)  # fmt: skip
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_the_system_clock_is_the_machines():
    clock = SystemClock()
    before, now, after = time.time() * 1000 - 1, clock.now(), time.time() * 1000 + 1
    assert before <= now <= after
    assert clock.monotonic() <= clock.monotonic()


@pytest.mark.asyncio
async def test_the_loop_clock_follows_the_loop():
    clock = LoopClock(1_000_000)
    loop = asyncio.get_running_loop()
    before = loop.time()
    shown = clock.now()
    assert 1_000_000 + round(before * 1000) <= shown <= 1_000_000 + round(loop.time() * 1000)
    assert before <= clock.monotonic() <= loop.time()
