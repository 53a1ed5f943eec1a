import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube.client.pacing import Backoff, TokenBucket


class HandClock:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time


@given(
    qps=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 5), min_size=1, max_size=80),
)
def test_no_window_ever_holds_more_than_burst_plus_rate(qps, burst, gaps):
    clock = HandClock()
    bucket = TokenBucket(qps, burst, clock.monotonic)
    starts = []
    for gap in gaps:
        clock.time += gap
        starts.append(clock.time + bucket.reserve())
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = burst + qps * (starts[last] - starts[first])
            assert last - first + 1 <= allowed * (1 + 1e-9) + 1e-6


@given(qps=st.floats(0.1, 1000), burst=st.integers(1, 50), gaps=st.lists(st.floats(0, 5)))
def test_reservations_keep_their_order(qps, burst, gaps):
    clock = HandClock()
    bucket = TokenBucket(qps, burst, clock.monotonic)
    last = 0.0
    for gap in gaps:
        clock.time += gap
        start = clock.time + bucket.reserve()
        assert start >= last - 1e-6
        last = start


def test_a_burst_is_free_then_the_rate_rules_and_rest_refills():
    clock = HandClock()
    bucket = TokenBucket(20, 3, clock.monotonic)
    waits = [bucket.reserve() for _ in range(5)]
    assert waits == pytest.approx([0, 0, 0, 0.05, 0.10])
    clock.time += 60
    assert [bucket.reserve() for _ in range(4)] == pytest.approx([0, 0, 0, 0.05])


def test_zero_turns_pacing_off_and_nonsense_is_refused():
    bucket = TokenBucket(0, 0, HandClock().monotonic)
    assert [bucket.reserve() for _ in range(1000)] == [0.0] * 1000
    with pytest.raises(ValueError, match="qps"):
        TokenBucket(5, 0, HandClock().monotonic)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_cancelled_wait_gives_its_place_back(looptime):
    bucket = TokenBucket(1, 1, asyncio.get_running_loop().time)
    await bucket.acquire()
    waiting = asyncio.ensure_future(bucket.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await bucket.acquire()
    assert float(looptime) == pytest.approx(1.0, abs=0.01)


@given(st.integers(), st.floats(0.01, 5), st.floats(5, 100), st.lists(st.booleans(), max_size=100))
def test_pauses_stay_in_bounds_and_grow_at_most_threefold(seed, base, cap, resets):
    backoff = Backoff(base, cap, Random(seed))
    last = base
    for reset in resets:
        if reset:
            backoff.reset()
            last = base
        pause = backoff.next()
        assert base <= pause <= min(cap, 3 * last)
        last = pause
