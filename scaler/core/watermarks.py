"""One reading between its two marks becomes a proposal (wpa-behaviour §11 with D1, D2, D3, D11).

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
    value = reading.value
    divisor = counted if spec.average else 1
    usage = _cut(value, divisor)
    if value == 0 and not spec.tolerate_zero:
        return Proposal("zero", current, 0)
    if value * 1000 > metric.high * divisor * (1000 + spec.tolerance):
        asked = up_to_multiple(_ceil(value * counted, metric.high * divisor), spec.modulo)
        return Proposal("above", min(max(asked, current), HIGHEST_COUNT), usage)
    if value * 1000 < metric.low * divisor * (1000 - spec.tolerance):
        fitting = value * counted // (metric.low * divisor) if metric.low else 1
        asked = up_to_multiple(max(fitting, 1), spec.modulo)
        return Proposal("below", min(asked, current), usage)
    return _converge(spec, metric, value, current, counted, divisor)


def up_to_multiple(count: int, modulo: int) -> int:
    """The smallest multiple of `modulo` that is not under `count`."""
    return _ceil(count, modulo) * modulo


def _converge(
    spec: Spec, metric: Metric, value: int, current: int, counted: int, divisor: int
) -> Proposal:
    """Inside the marks: stay, or drift one step towards a mark while the forecast stays inside."""
    usage = _cut(value, divisor)
    if spec.converge is None:
        return Proposal("inside", current, usage)
    if spec.converge == "high":
        step = max(current - spec.modulo, 1)
        taken = step >= _clamp(_ceil(value * counted, metric.high * divisor), spec)
    else:
        step = current + spec.modulo
        fitting = value * counted // (metric.low * divisor) if metric.low else current
        taken = step <= (_clamp(fitting, spec) if metric.low else current)
    return Proposal("inside", step if taken else current, usage, "taken" if taken else "refused")


def _clamp(count: int, spec: Spec) -> int:
    return max(spec.min_replicas, min(count, spec.max_replicas))


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _cut(value: int, divisor: int) -> int:
    return value // divisor if value >= 0 else -(-value // divisor)
