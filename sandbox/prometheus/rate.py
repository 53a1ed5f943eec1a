"""`rate`: the per-second increase of a counter, extrapolated to the range as Prometheus 2 does."""

from itertools import pairwise
from typing import Final

from kube.vocab.times import Millis

NEAR: Final = 1.1
"""A border nearer than this many sample spacings is taken as reached."""


def rate(samples: list[tuple[Millis, float]], start: Millis, end: Millis) -> float | None:
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
    covered = (last_at - first_at) / 1000
    spacing = covered / (len(samples) - 1)
    to_start = (first_at - start) / 1000
    if increase > 0 and first >= 0:
        to_start = min(to_start, covered * (first / increase))
    stretched = covered
    for gap in (to_start, (end - last_at) / 1000):
        stretched += gap if gap < spacing * NEAR else spacing / 2
    return increase * (stretched / covered / ((end - start) / 1000))
