"""A scaling that no status tells of, since whoever wrote it was killed before (D24)."""

import pytest
from msgspec import structs

from kube.vocab.times import format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Memory
from scaler.core.status import change, status_after, with_scaling
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW, good, look, plain_spec

INSIDE = good(1_500_000)


@pytest.mark.parametrize(
    ("remembered", "written", "expected"),
    [
        (None, None, None),
        (None, -60_000, -60_000),
        (-60_000, None, -60_000),
        (-60_000, -90_000, -60_000),
        (-60_000, -60_000, -60_000),
        (-60_000, -59_000, -59_000),
        (-60_000, 0, 0),
        # By somebody whose clock was ahead.
        (-60_000, 600_000, 0),
        (None, 600_000, 0),
        (0, 600_000, 0),
    ],
)
def test_the_later_of_both_starts_the_windows(remembered, written, expected):
    def at(offset: int | None) -> int | None:
        return None if offset is None else NOW + offset

    memory = Memory(last_scale=at(remembered), below_seen=NOW)
    found = with_scaling(memory, at(written), NOW + 700)
    assert found == structs.replace(memory, last_scale=at(expected))


@pytest.mark.parametrize(
    ("stored", "known", "told"),
    [
        (None, None, None),
        (None, -30_000, -30_000),
        (-90_000, -30_000, -30_000),
        (-30_000, -30_000, -30_000),
        (-30_000, -90_000, -30_000),
        # Ahead of our clock it is remembered as now, and stays as it is.
        (90_000, 0, 90_000),
    ],
)
def test_the_status_tells_of_a_scaling_that_it_did_not_know(stored, known, told):
    def text(offset: int | None) -> str | None:
        return None if offset is None else format_rfc3339(NOW + offset)

    before = AutoscalerStatus(last_scale_time=text(stored), scaling_events_count=3)
    memory = Memory(last_scale=None if known is None else NOW + known)
    spec = plain_spec()
    decision = decide(spec, look(4, INSIDE, memory=memory), NOW)
    after = status_after(spec, decision, Applied(), before)
    assert after.last_scale_time == text(told)
    assert after.scaling_events_count == 3 + (told != stored)
    again = status_after(spec, decision, Applied(), after)
    assert change(after, again) == "none"


def test_a_stored_time_that_is_none_gives_way_to_a_known_one():
    before = AutoscalerStatus(last_scale_time="nonsense")
    spec = plain_spec()
    decision = decide(spec, look(4, INSIDE, memory=Memory(last_scale=NOW)), NOW)
    after = status_after(spec, decision, Applied(), before)
    assert after.last_scale_time == format_rfc3339(NOW)


def test_a_scaling_after_a_lost_one_counts_both():
    spec, memory = plain_spec(), Memory(last_scale=NOW - 400_000)
    decision = decide(spec, look(4, good(9_000_000), memory=memory), NOW)
    before = AutoscalerStatus(scaling_events_count=3)
    after = status_after(spec, decision, Applied("scaled"), before)
    assert (after.last_scale_time, after.scaling_events_count) == (format_rfc3339(NOW), 5)
