"""PromQL functions: `rate` and `deriv` over a range, `clamp_min` and `clamp_max` of a vector."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from kube.vocab.times import SECOND, Millis

Window = list[tuple[Millis, float]]
"""The samples of one series in a range, times ascending."""

NEAR: Final = 1.1
"""A border nearer than this many sample spacings is taken as reached."""


def rate(samples: Window, start: Millis, end: Millis) -> float | None:
    """Increase per second over `[start, end]`; None with fewer than two samples.

    A fall is a counter reset. The increase seen between first and last sample is stretched to the
    borders of the range where samples come near them, by half a spacing where they do not, and at
    the start never beyond the point where the counter would have been zero.
    """
    if len(samples) < 2:
        return None
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    values = [value for _, value in samples]
    increase = last - first
    for before, after in pairwise(values):
        if after < before:
            increase += before
    covered = (last_at - first_at) / SECOND
    spacing = covered / (len(samples) - 1)
    to_start = (first_at - start) / SECOND
    if increase > 0 and first >= 0:
        to_start = min(to_start, covered * (first / increase))
    stretched = covered
    for gap in (to_start, (end - last_at) / SECOND):
        stretched += gap if gap < spacing * NEAR else spacing / 2
    return increase * (stretched / covered / ((end - start) / SECOND))


def deriv(samples: Window, start: Millis, end: Millis) -> float | None:
    """Slope per second of the least-squares line; None with fewer than two samples.

    The borders of the range play no part in it.
    """
    del start, end
    if len(samples) < 2:
        return None
    origin, first = samples[0]
    if all(value == first for _, value in samples):
        return math.nan if math.isinf(first) else 0.0
    xs = [(time - origin) / SECOND for time, _ in samples]
    ys = [value for _, value in samples]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - mean_x) ** 2 for x in xs)


def clamp_min(value: float, bound: float) -> float:
    """`value`, at least `bound`; NaN if either is."""
    return math.nan if math.isnan(value) or math.isnan(bound) else max(value, bound)


def clamp_max(value: float, bound: float) -> float:
    """`value`, at most `bound`; NaN if either is."""
    return math.nan if math.isnan(value) or math.isnan(bound) else min(value, bound)


RangeFunction = Callable[[Window, Millis, Millis], float | None]
"""Samples, start and end of the range to the value at its end."""

OVER_RANGE: Final[dict[str, RangeFunction]] = {
    "rate": rate,
    "deriv": deriv,
}
CLAMPS: Final[dict[str, Callable[[float, float], float]]] = {
    "clamp_min": clamp_min,
    "clamp_max": clamp_max,
}
