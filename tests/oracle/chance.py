"""Random specifications, observations and memories, crowded around the edges where rules change.

Everything is drawn from a `Random`, so that a sweep over seeds is fast and repeatable and
hypothesis can drive (and shrink) the same generator through `st.randoms()`.
"""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from scaler.core.lifecycle import Lifecycle, Monitor
from scaler.core.metric_spec import Metric
from scaler.core.observed import (
    Doubt,
    Fleet,
    Memory,
    Observed,
    PodCounts,
    Reading,
    ReadingState,
    Scale,
    Timer,
)
from scaler.core.spec import Spec
from tests.oracle.worlds import NOW, good, metric, missing, plain_spec

T = TypeVar("T")

STATES: tuple[ReadingState, ...] = (
    "empty", "nan", "infinite", "stale", "error", "forbidden", "not_found",
)  # fmt: skip
_UNWATCHED = (Lifecycle(),) * 8 + (Lifecycle(problem="it is neither true nor false"),)
_PASSED = (0, 1, 15, 30, 45, 52, 53, 60, 300)


def any_metric(chance: Random, *, wild: bool = False) -> Metric:
    """A valid metric: its high mark is positive and not under the low one."""
    top = 10**24 if wild else 50_000
    high = chance.choice((chance.randint(1, 20) * 1000, chance.randint(1, top)))
    low = chance.choice((high, high // 2, high // 10, chance.randint(-top if wild else 0, high)))
    return metric(high, low, chance.choice(("a", "b", "c")))


def any_spec(chance: Random, *, wild: bool = False, metrics: int | None = None) -> Spec:
    """A valid specification; `metrics` metrics, or one to three."""
    low = chance.choice((1, 1, 2, chance.randint(1, 12)))
    high = chance.choice((low, low + chance.randint(0, 8), low + chance.randint(0, 60)))
    if wild:
        high = chance.choice((high, 2**31 - 1))
    size = metrics or chance.choice((1, 1, 2, 2, 3))
    return plain_spec(
        tuple(any_metric(chance, wild=wild) for _ in range(size)),
        min_replicas=low,
        max_replicas=high,
        average=chance.choice((False, True)),
        tolerance=chance.choice((0, 10, 100, 333, 1000)),
        up_factor=chance.choice((0, 1, 300, 29_000, 50_000, 100_000, 10**12)),
        down_factor=chance.choice((0, 1, 20_000, 30_000, 99_999)),
        up_window=chance.choice((1, 30, 60)),
        down_window=chance.choice((1, 60, 300)),
        up_delay=chance.choice((0, 0, 1, 30, 45)),
        down_delay=chance.choice((0, 0, 1, 60, 300)),
        modulo=chance.choice((1, 1, 1, 2, 3, 5, 7)),
        converge=chance.choice((None, None, "high", "low")),
        dry_run=chance.choice((False, True)),
        tolerate_zero=chance.choice((False, True)),
        min_available=chance.choice((0, 0, 0, 33, 50, 100)),
        readiness_delay=chance.choice((0, 30)),
        lifecycle=chance.choice((*_UNWATCHED, Lifecycle(on=True))),
    )


def any_counts(chance: Random, around: int) -> PodCounts:
    """Pod counts that belong together, near `around`."""
    owned = max(0, around + chance.choice((0, 0, 0, chance.randint(-3, 3))))
    ready = chance.choice((owned, owned, chance.randint(0, owned)))
    warming = chance.choice((0, 0, 0, chance.randint(0, ready)))
    foreign = chance.choice((0, 0, 2))
    return PodCounts(owned + foreign, owned, ready, ready - warming, warming, foreign)


def any_reading(chance: Random, near: Metric, current: int, *, wild: bool = False) -> Reading:
    """A reading near the marks of `near`, or none."""
    if chance.randint(0, 6) == 0:
        return missing(chance.choice(STATES))
    mark = chance.choice((near.high, near.low))
    share = mark * chance.randint(0, 300) // 100
    values = [mark, mark + chance.randint(-1, 1), share, share * current, share * current]
    values += [0, chance.randint(-5_000, 5_000_000)]
    if wild:
        values.append(chance.randint(-(10**30), 10**30))
    return good(chance.choice(values))


def any_memory(chance: Random) -> Memory:
    """What earlier evaluations may have left."""
    return Memory(
        _maybe(chance, _ago),
        _maybe(chance, _timer) or Timer(),
        _maybe(chance, _timer) or Timer(),
        _maybe(chance, _ago),
        _maybe(chance, _ago),
    )


def any_look(chance: Random, spec: Spec, *, wild: bool = False) -> Observed:
    """A look at a target of `spec`, mostly one that gets as far as its metrics."""
    inside = chance.randint(spec.min_replicas, min(spec.max_replicas, spec.min_replicas + 60))
    current = inside if chance.randint(0, 9) else chance.randint(0, 80)
    status = chance.choice((current, current, current, current, current + 1, current // 2))
    scale = Scale(current, status, "" if chance.randint(0, 30) == 0 else "app=web")
    readings = [any_reading(chance, each, current, wild=wild) for each in spec.metrics]
    if wild:
        readings = readings[: chance.choice((3, 3, 3, 1, 0))]
    return Observed(
        scale=None if chance.randint(0, 30) == 0 else scale,
        selector_error="broken" if chance.randint(0, 30) == 0 else "",
        pods=None if chance.randint(0, 20) == 0 else any_counts(chance, current),
        readings=tuple(readings),
        memory=any_memory(chance),
        monitor=any_monitor(chance),
        fleet=any_fleet(chance),
        doubt=any_doubt(chance),
    )


def any_doubt(chance: Random) -> Doubt:
    """How far the pods are believed, mostly wholly."""
    doubts: tuple[Doubt, ...] = (*("",) * 10, "fewer", "more")
    return chance.choice(doubts)


def any_fleet(chance: Random) -> Fleet | None:
    """What the fleet breaker says, mostly nothing."""
    thawing = [
        Fleet("thawing", "it thaws", allowance, chance.choice((1, 3, 5, 40)))
        for allowance in (0, 1, 2, 5, 40)
    ]
    return chance.choice((*(None,) * 12, Fleet("frozen", "it is open"), *thawing))


def any_monitor(chance: Random) -> Monitor | None:
    """A monitor, mostly one that is OK."""
    if chance.randint(0, 2):
        return Monitor("OK")
    states = (None, "", "ok", "Alert", "No Data")
    return chance.choice((None, Monitor(error="403"), *(Monitor(state) for state in states)))


def _maybe(chance: Random, make: Callable[[Random], T]) -> T | None:
    return make(chance) if chance.randint(0, 5) else None


def _ago(chance: Random) -> int:
    return NOW - 1000 * chance.choice((*_PASSED, chance.randint(0, 400)))


def _timer(chance: Random) -> Timer:
    return Timer(chance.choice((True, True, False)), _ago(chance))
