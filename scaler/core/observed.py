"""What an evaluation looks at: the target, its pods, its metrics, and what was remembered.

A reading is evidence with a state, never a bare number: unknown is never zero (D17).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from kube.vocab.times import SECOND, Millis
from scaler.core.lifecycle import Monitor
from scaler.core.recommender import Advice

ReadingState = Literal["ok", "empty", "nan", "infinite", "stale", "error", "forbidden", "not_found"]

Doubt = Literal["", "fewer", "more"]
"""How the listed pods differ from the target's own count where that is not believed yet (V-07)."""

NOT_A_NUMBER_MILLI: Final = -(2**63)
"""What prometheus-adapter makes of NaN and of infinities (external-metrics-api §0.5): no value."""


class Sample(Struct, frozen=True, gc=False):
    """One series of an answer: thousandths, and when it was taken if the source says so."""

    value: int
    at: Millis | None = None


class Reading(Struct, frozen=True, array_like=True, gc=False):
    """The evidence for one metric: sum over its series in thousandths, and how far to trust it.

    For a Resource metric a series is a counted pod with a sample; `missing` are the counted pods
    without one (D7). A recommender's reading holds its `advice`; the value is then only shown.
    """

    state: ReadingState
    value: int = 0
    series: int = 0
    at: Millis | None = None
    detail: str = ""
    missing: int = 0
    advice: Advice | None = None

    @property
    def good(self) -> bool:
        """Whether the value may be acted on."""
        return self.state == "ok"


class Scale(Struct, frozen=True, array_like=True, gc=False):
    """The target's scale subresource; `selector` is its text form."""

    spec_replicas: int
    status_replicas: int
    selector: str = ""


class PodCounts(Struct, frozen=True, array_like=True, gc=False):
    """The target's pods, counted (D4, D5).

    `owned` are live pods of the target (not Failed, Succeeded or terminating), `ready` those of
    them that are Ready. Of these `counted` also ran for the readiness delay; `warming` did not yet
    (D35).
    `listed` is everything under the selector, `foreign` what is someone else's, `leaving` what is
    the target's and terminating.
    """

    listed: int = 0
    owned: int = 0
    ready: int = 0
    counted: int = 0
    warming: int = 0
    foreign: int = 0
    leaving: int = 0


class Timer(Struct, frozen=True, array_like=True, gc=False):
    """A condition that doubles as a delay's memory: whether it holds, and since when."""

    holds: bool = False
    since: Millis | None = None


class Memory(Struct, frozen=True, array_like=True, gc=False):
    """What earlier evaluations left behind; rebuilt from the status after a restart.

    `above_seen` and `below_seen` are the last evaluations with good evidence for that condition;
    None is unknown (D15).
    """

    last_scale: Millis | None = None
    above: Timer = Timer()
    below: Timer = Timer()
    above_seen: Millis | None = None
    below_seen: Millis | None = None


class Fleet(Struct, frozen=True, array_like=True, gc=False):
    """What the state of all autoscalers together leaves of shrinking (the fleet breaker).

    While `frozen` nothing shrinks. While `thawing` no more than `allowance` replicas may go now;
    what wants to lose more than `portion` loses that much at a time, and everything else goes whole
    or waits. `text` says why, in words that stay the same for as long as the state lasts.
    """

    state: Literal["frozen", "thawing"]
    text: str
    allowance: int = 0
    portion: int = 0


class Observed(Struct, frozen=True, array_like=True, gc=False):
    """One look at the world. What was not looked at is None or empty; what failed says why.

    `readings` are in the order of the specification's metrics. `period` is the time between two
    evaluations, in milliseconds. `monitor` is looked at where lifecycle control is on. `fleet` is
    None while the fleet breaker has nothing to say. `doubt` is about `pods`.
    """

    scale: Scale | None = None
    scale_error: str = ""
    selector_error: str = ""
    pods: PodCounts | None = None
    pods_error: str = ""
    readings: tuple[Reading, ...] = ()
    memory: Memory = Memory()
    period: int = 15 * SECOND
    monitor: Monitor | None = None
    fleet: Fleet | None = None
    doubt: Doubt = ""


def reading_of(samples: Sequence[Sample], now: Millis, max_age: int) -> Reading:
    """The evidence in an answer: all series added up; the oldest sample decides about age (D16).

    `max_age` in milliseconds; exactly that age is fresh. A sample without a time is of now, one
    dated further ahead than the maximum age is as good as stale: its age is not known (D39).
    """
    if not samples:
        return Reading("empty", detail="no metrics returned from external metrics API")
    times = [now if sample.at is None else sample.at for sample in samples]
    oldest, newest = min(times), max(times)
    if any(sample.value == NOT_A_NUMBER_MILLI for sample in samples):
        return Reading("nan", series=len(samples), at=oldest, detail="the value is not a number")
    detail = stale_detail("sample", now - oldest, max_age)
    detail = detail or stale_detail("sample", now - newest, max_age)
    state: ReadingState = "stale" if detail else "ok"
    return Reading(state, sum(sample.value for sample in samples), len(samples), oldest, detail)


def stale_detail(what: str, age: int, max_age: int) -> str:
    """Why `what`, of `age` milliseconds, is stale; "" where it is fresh (D16, D39)."""
    if age > max_age:
        return (
            f"the {what} is {age // SECOND} s old, older than the maximum of {max_age // SECOND} s"
        )
    if -age > max_age:
        return (
            f"the {what} is dated {-age // SECOND} s ahead, further than the maximum age of "
            f"{max_age // SECOND} s; check the clocks of its source and of the scaler"
        )
    return ""


def resource_reading_of(
    usage: Mapping[str, Sample], counted: Collection[str], now: Millis, max_age: int
) -> Reading:
    """The evidence in the usage of pods by name, of which only the `counted` ones are looked at.

    A stale sample is a missing one (D16, D39); no sample of any counted pod is no evidence (D7).
    """
    found = [usage[name] for name in counted if name in usage]
    fresh = [sample for sample in found if sample.at is None or abs(now - sample.at) <= max_age]
    if not fresh:
        detail = "did not receive metrics for any ready pods"
        return Reading("stale" if found else "empty", detail=detail, missing=len(counted))
    oldest = min(now if sample.at is None else sample.at for sample in fresh)
    total = sum(sample.value for sample in fresh)
    return Reading("ok", total, len(fresh), oldest, missing=len(counted) - len(fresh))
