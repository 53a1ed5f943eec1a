"""One reading between its two marks becomes a proposal (wpa-behaviour §11, D1-D3, D7, D11).

All comparisons are between whole numbers: instead of dividing, both sides are multiplied out.
"""

from typing import Literal

from msgspec import Struct

from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading
from scaler.core.spec import HIGHEST_COUNT, Spec

Region = Literal["above", "below", "inside", "zero"]
"""Where the value lies; "zero" is a zero that the object does not tolerate."""

Convergence = Literal["off", "taken", "refused"]


class Proposal(Struct, frozen=True, gc=False):
    """What one metric asks for, before any limit.

    `usage` is the value that was compared, in thousandths, cut to whole ones.
    """

    region: Region
    replicas: int
    usage: int
    convergence: Convergence = "off"


def propose(spec: Spec, metric: Metric, reading: Reading, current: int, counted: int) -> Proposal:
    """The replica count that `reading` asks for.

    `current` is the target's `spec.replicas`, the base of direction; `counted` (at least 1) is the
    number of pods that carry the load, the base of ratios (D3).
    """
    load = _load(spec, metric, reading, counted)
    if reading.value == 0 and not spec.tolerate_zero:
        return Proposal("zero", current, 0)
    if load.least * 1000 > metric.high * load.divisor * (1000 + spec.tolerance):
        asked = up_to_multiple(_ceil(load.least * counted, metric.high * load.divisor), spec.modulo)
        return Proposal("above", min(max(asked, current), HIGHEST_COUNT), load.usage)
    if load.most * 1000 < metric.low * load.divisor * (1000 - spec.tolerance):
        fitting = load.most * counted // (metric.low * load.divisor) if metric.low else 1
        asked = up_to_multiple(max(fitting, 1), spec.modulo)
        return Proposal("below", min(asked, current), load.usage)
    return _converge(spec, metric, load, current, counted)


class _Load(Struct, frozen=True, gc=False):
    """A reading as an interval: `least / divisor` to `most / divisor` is compared with the marks.

    The two differ only by pods without a sample, which are taken as idle when asking for more and
    as busy up to the high mark when asking for less (D7).
    """

    least: int
    most: int
    divisor: int
    usage: int


def _load(spec: Spec, metric: Metric, reading: Reading, counted: int) -> _Load:
    value = reading.value
    if metric.kind == "Resource":
        pods = max(1, reading.series + reading.missing)
        most = value + reading.missing * metric.high
        return _Load(value, most, pods, _cut(value, max(1, reading.series)))
    divisor = counted if spec.average else 1
    return _Load(value, value, divisor, _cut(value, divisor))


def up_to_multiple(count: int, modulo: int) -> int:
    """The smallest multiple of `modulo` that is not under `count`."""
    return _ceil(count, modulo) * modulo


def _converge(spec: Spec, metric: Metric, load: _Load, current: int, counted: int) -> Proposal:
    """Inside the marks: stay, or drift one step towards a mark while the forecast stays inside."""
    if spec.converge is None:
        return Proposal("inside", current, load.usage)
    if spec.converge == "high":
        step = max(current - spec.modulo, 1)
        taken = step >= _clamp(_ceil(load.most * counted, metric.high * load.divisor), spec)
    else:
        step = current + spec.modulo
        fitting = load.least * counted // (metric.low * load.divisor) if metric.low else current
        taken = step <= (_clamp(fitting, spec) if metric.low else current)
    replicas = step if taken else current
    return Proposal("inside", replicas, load.usage, "taken" if taken else "refused")


def _clamp(count: int, spec: Spec) -> int:
    return max(spec.min_replicas, min(count, spec.max_replicas))


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _cut(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)
