"""How far one decision may move: velocity, bounds, multiples (wpa-behaviour §13, D8, D25)."""

from typing import Literal

from msgspec import Struct

from scaler.core.spec import HIGHEST_COUNT, Spec

LimitReason = Literal[
    "ScaleUpLimit",
    "ScaleDownLimit",
    "TooManyReplicas",
    "TooFewReplicas",
    "ModuloAlignment",
    "DesiredWithinRange",
]
"""Reasons of the `ScalingLimited` condition."""


class Limited(Struct, frozen=True, gc=False):
    """The count that is allowed, and the limit that made it so."""

    replicas: int
    reason: LimitReason

    @property
    def limited(self) -> bool:
        """Whether a limit changed the count."""
        return self.reason != "DesiredWithinRange"


def limit(spec: Spec, current: int, desired: int, counted: int) -> Limited:
    """`desired` brought within velocity and bounds, then onto a multiple of the modulo."""
    bounded = _bounded(spec, current, desired, counted)
    return _aligned(spec, current, desired, bounded)


def highest_step(spec: Spec, current: int) -> int:
    """The largest count that the velocity limit allows next; `current` where the factor is 0."""
    if spec.up_factor == 0:
        return current
    step = max(1, spec.up_factor * current // 100_000, _to_next_multiple_up(spec, current))
    return min(current + step, HIGHEST_COUNT)


def lowest_step(spec: Spec, current: int) -> int:
    """The smallest count that the velocity limit allows next; `current` where the factor is 0."""
    if spec.down_factor == 0:
        return current
    step = max(1, spec.down_factor * current // 100_000, _to_next_multiple_down(spec, current))
    return current - step


def least_step(spec: Spec, current: int) -> int:
    """The smallest number of replicas that a target at `current` can lose: at least 1."""
    to_multiple = _to_next_multiple_down(spec, current) or 1
    return max(1, min(to_multiple, current - spec.min_replicas))


def _bounded(spec: Spec, current: int, desired: int, counted: int) -> Limited:
    lowest, highest = lowest_step(spec, current), highest_step(spec, current)
    if desired < lowest:
        floor = max(lowest, spec.min_replicas)
        reason: LimitReason = "ScaleDownLimit" if lowest >= spec.min_replicas else "TooFewReplicas"
        if 0 < counted < floor:
            # What counts is already less than what would be left: do not shrink on top of that.
            return Limited(current, "ScaleDownLimit")
        return Limited(floor, reason)
    if desired < spec.min_replicas:
        return Limited(spec.min_replicas, "TooFewReplicas")
    if desired > highest:
        ceiling = min(highest, spec.max_replicas)
        return Limited(
            ceiling, "ScaleUpLimit" if highest <= spec.max_replicas else "TooManyReplicas"
        )
    if desired > spec.max_replicas:
        return Limited(spec.max_replicas, "TooManyReplicas")
    return Limited(desired, "DesiredWithinRange")


def _aligned(spec: Spec, current: int, desired: int, bounded: Limited) -> Limited:
    """The nearest multiple towards `current`; a bound that itself limits stays what it is (D8)."""
    count = bounded.replicas
    at_bound = (count == spec.max_replicas and desired > count) or (
        count == spec.min_replicas and desired < count
    )
    if count == current or at_bound or count % spec.modulo == 0:
        return bounded
    if count > current:
        aligned = max(count - count % spec.modulo, current)
    else:
        aligned = min(count + spec.modulo - count % spec.modulo, current)
    return Limited(aligned, bounded.reason if bounded.limited else "ModuloAlignment")


def _to_next_multiple_up(spec: Spec, current: int) -> int:
    return 0 if spec.modulo == 1 else spec.modulo - current % spec.modulo


def _to_next_multiple_down(spec: Spec, current: int) -> int:
    return 0 if spec.modulo == 1 else current % spec.modulo or spec.modulo
