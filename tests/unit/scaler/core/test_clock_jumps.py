"""What is remembered when the wall clock jumps: windows and delays last as long as before (D40)."""

import pytest

from scaler.core.observed import Memory, Timer
from scaler.core.status import memory_moved, status_moved
from scaler.core.timing import delay_left, remember, windows
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW, held_for, plain_spec

PERIOD = 15_000
JUMPS = [-600_000, -20_000, 20_000, 600_000]


@pytest.mark.parametrize("jump", JUMPS)
def test_no_window_ends_early_or_hangs(jump):
    memory = Memory(last_scale=NOW - 100_000)
    spec = plain_spec(up_window=150, down_window=300)
    after = windows(spec, memory_moved(memory, jump).last_scale, NOW + jump)
    assert after == windows(spec, memory.last_scale, NOW)


@pytest.mark.parametrize("jump", JUMPS)
def test_the_delay_of_growth_goes_on(jump):
    memory = held_for(100)
    moved = memory_moved(memory, jump)
    later = remember(moved, above=True, below=False, complete=True, now=NOW + jump, period=PERIOD)
    assert delay_left(later.above, 300, NOW + jump) == 200_000


@pytest.mark.parametrize(
    ("jump", "left"), [(-600_000, 200), (-20_000, 200), (20_000, 200), (600_000, 300)]
)
def test_the_delay_of_shrinking_goes_on_unless_the_jump_may_be_an_outage(jump, left):
    moved = memory_moved(held_for(100), jump)
    later = remember(moved, above=False, below=True, complete=True, now=NOW + jump, period=PERIOD)
    assert delay_left(later.below, 300, NOW + jump) == left * 1000


def test_what_is_not_known_stays_so():
    assert memory_moved(Memory(below=Timer(True)), 5_000) == Memory(below=Timer(True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("yesterday", "yesterday"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:10:00Z"),
    ],
)
def test_the_status_tells_it_to_whoever_comes_next(text, expected):
    status = AutoscalerStatus(last_scale_time=text, scaling_events_count=3)
    moved = status_moved(status, 600_000)
    assert (moved.last_scale_time, moved.scaling_events_count) == (expected, 3)
