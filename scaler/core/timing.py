"""When a change may happen: forbidden windows, delays, and what a gap does to a delay.

Sources: wpa-behaviour §14, D12, D13, D15. Times in the status have second precision, so timers do
too.
"""

from msgspec import Struct

from kube.vocab.times import SECOND, Millis, whole_seconds
from scaler.core.observed import Memory, Timer
from scaler.core.spec import Spec


class Windows(Struct, frozen=True, gc=False):
    """Milliseconds until each direction is open again after the last scaling; 0 is open."""

    up: int = 0
    down: int = 0


def windows(spec: Spec, last_scale: Millis | None, now: Millis) -> Windows:
    """How long both forbidden windows still last; any scaling, up or down, starts both."""
    if last_scale is None:
        return Windows()
    return Windows(
        up=max(0, last_scale + spec.up_window * SECOND - now),
        down=max(0, last_scale + spec.down_window * SECOND - now),
    )


def delay_left(timer: Timer, delay: int, now: Millis) -> int:
    """Milliseconds until `timer` has held for `delay` seconds; 0 is long enough."""
    if delay <= 0:
        return 0
    if not timer.holds or timer.since is None:
        return delay * SECOND
    return max(0, timer.since + delay * SECOND - now)


def remember(
    memory: Memory, *, above: bool, below: bool, complete: bool, now: Millis, period: int
) -> Memory:
    """The memory after an evaluation that found the value above or below.

    `complete` says that every metric was good. While one is missing only a clear "above" moves a
    condition (D13); such an evaluation counts as no evidence for the other (D15).
    """
    if complete or above:
        memory = Memory(
            memory.last_scale,
            _above(memory, above, now, period),
            memory.below,
            now,
            memory.below_seen,
        )
    if complete:
        memory = Memory(
            memory.last_scale,
            memory.above,
            _below(memory, below, now, period),
            memory.above_seen,
            now,
        )
    return memory


def _above(memory: Memory, holds: bool, now: Millis, period: int) -> Timer:
    """Growth forgives a gap: the time without evidence is taken off, the time before it stays."""
    timer = memory.above
    if not (timer.holds and holds) or timer.since is None:
        return _switched(timer, holds, now)
    seen = memory.above_seen
    if seen is None or not _long(now - seen, period):
        return timer
    return Timer(True, min(whole_seconds(timer.since + now - seen), whole_seconds(now)))


def _below(memory: Memory, holds: bool, now: Millis, period: int) -> Timer:
    """Shrinking does not: after a gap, or one of unknown length, the delay starts anew."""
    timer = memory.below
    if not (timer.holds and holds) or timer.since is None:
        return _switched(timer, holds, now)
    seen = memory.below_seen
    if seen is not None and not _long(now - seen, period):
        return timer
    return Timer(True, whole_seconds(now))


def _switched(timer: Timer, holds: bool, now: Millis) -> Timer:
    if timer.holds == holds and timer.since is not None:
        return timer
    return Timer(holds, whole_seconds(now))


def _long(gap: int, period: int) -> bool:
    """Longer than three evaluation periods, with half a period for jitter (D15)."""
    return 2 * gap > 7 * period
