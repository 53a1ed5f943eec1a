"""What must hold for one object, whatever became of its scalers.

The counts that were written are those of a life without kills, in the same order. A change is never
earlier than its window and its delay allow, by true time, where a long gap in the evidence starts
the delay of a shrink anew (D15). It is later than in a life without kills by at most, for each kill
on its way, the time until the object was looked at again, and one period. A scaler that was killed
young leaves nobody knowing how long the gap was: that, too, starts the delay of a shrink anew.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND, Millis, format_rfc3339
from tests.kills.course import FIRST, Course, Timing

PERIOD: Final = 15 * SECOND
LONG_GAP: Final = PERIOD * 7 // 2
FAILOVER: Final = 15 * SECOND
ROUNDING: Final = SECOND
"""Times in a status are whole seconds."""
MOMENT: Final = SECOND
"""What a turn may be late by."""

Change = tuple[Millis, int]
"""When a count was accepted, and which."""


class Life(Struct, frozen=True):
    """What was seen of one object."""

    course: Course
    changes: Sequence[Change]
    evidence: Sequence[Millis]
    """When a scaler that lived on got the object's metric."""
    deaths: Sequence[Millis]
    away: Millis
    """How long it takes at most until another scaler is there and has its share."""

    @property
    def youth(self) -> Millis:
        """Two deaths within that time: the second one may have been a young scaler's."""
        return 2 * PERIOD + FAILOVER + self.away


def problems(life: Life, expected: Sequence[int]) -> list[str]:
    """What is wrong, in words."""
    name = life.course.name
    counts = [count for _, count in life.changes]
    if counts != list(expected):
        return [f"{name}: {counts} was written, without kills it is {list(expected)}"]
    return [f"{name}: {text}" for text in [*_mistimed(life), *_neglected(life)]]


def _mistimed(life: Life) -> Iterator[str]:
    before: Change = (0, FIRST)
    for change in life.changes:
        at, count = change
        came = max(load.at for load in life.course.came if load.at <= at)
        up = count > before[1]
        window = _window(life.course.timing, before, up)
        earliest = max(window, _delay(life, came, at, up, sure=True))
        late = max(came, window, _delay(life, came, at, up, sure=False))
        latest = late + 2 * PERIOD + MOMENT + _lost(life, came, at)
        if not earliest - ROUNDING <= at <= latest:
            yield (
                f"{before[1]} -> {count} at {format_rfc3339(at)}, allowed between "
                f"{format_rfc3339(earliest)} and {format_rfc3339(latest)}"
            )
        before = change


def _window(timing: Timing, before: Change, up: bool) -> Millis:
    """When the forbidden window of the change before is over."""
    seconds = timing.up_window if up else timing.down_window
    return before[0] + seconds * SECOND if before[0] else 0


def _delay(life: Life, came: Millis, at: Millis, up: bool, *, sure: bool) -> Millis:
    """When the value has been out of its marks for long enough.

    The delay of a shrink begins anew where it is `sure` to, or where it may. A new scaler counts
    the gap from the last renewal of the lease (D15), up to a period after the last look.
    """
    timing, start = life.course.timing, came
    if up or not timing.down_delay:
        return start + (timing.up_delay if up else 0) * SECOND
    looks = [look for look in life.evidence if look <= at]
    anew = [look for last, look in pairwise(looks) if look - last > LONG_GAP + PERIOD * sure]
    if not sure:
        young = [death for last, death in pairwise(life.deaths) if death - last < life.youth]
        anew += [min((look for look in looks if look > death), default=came) for death in young]
    return max([start, *(look for look in anew if look > came)]) + timing.down_delay * SECOND


def _lost(life: Life, since: Millis, until: Millis) -> Millis:
    """What kills may have cost: for each until the object was looked at again, and a period."""
    cost, over = 0, since
    for death in life.deaths:
        if since - FAILOVER - life.away - PERIOD <= death <= until:
            back = next((look for look in life.evidence if look > death), until)
            cost += max(0, back - max(death, over)) + PERIOD
            over = max(over, back)
    return cost


def _neglected(life: Life) -> Iterator[str]:
    """Objects that nobody looked at for longer than a hand-over and a period after a kill."""
    for number, death in enumerate(life.deaths):
        following = life.deaths[number + 1 :]
        back = next((look for look in life.evidence if look > death), None)
        limit = death + FAILOVER + life.away + PERIOD + MOMENT
        if any(other <= limit for other in following):
            continue
        if back is not None and back > limit:
            took = (back - death) / SECOND
            yield f"not looked at for {took:g} s after the kill at {format_rfc3339(death)}"
