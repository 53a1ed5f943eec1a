"""What each source asks for, by the rules: in fractions, written from the documents alone.

Numbers in parentheses are the decisions and sections that a line restates.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from scaler.core.metric_spec import Metric
from scaler.core.spec import Spec
from tests.oracle.sources import Point, Reply, Series, Silence, Source, Usage, max_age

INT32 = 2**31 - 1
NO_NUMBER = -(2**63)
"""What the metrics API serves in place of NaN (D17)."""


@dataclass(frozen=True)
class Opinion:
    """One source's proposal, and the sides on which its value lies."""

    replicas: int
    above: bool = False
    below: bool = False


def opinions(
    spec: Spec, sources: tuple[Source, ...], current: int, counted: int
) -> list[Opinion | None]:
    """In the order of the metrics; None where there is nothing to act on."""
    if spec.recommender is not None:
        (source,) = sources
        assert isinstance(source, Reply | Silence)
        return [_recommended(spec, source, current)]
    return [
        _measured(spec, metric, source, current, counted)
        for metric, source in zip(spec.metrics, sources, strict=True)
    ]


def _measured(
    spec: Spec, metric: Metric, source: Source, current: int, counted: int
) -> Opinion | None:
    match source:
        case Series(points):
            return _of_series(spec, metric, points, current, counted)
        case Usage(pods):
            return _of_usage(spec, metric, pods, current, counted)
        case _:
            return None


def _of_series(
    spec: Spec, metric: Metric, points: tuple[Point, ...], current: int, counted: int
) -> Opinion | None:
    """The sum over all series, each of which has to be a number, and the oldest of them fresh."""
    if not points or any(point.value == NO_NUMBER or _stale(spec, point) for point in points):
        return None  # D16, D17
    total = Fraction(sum(point.value for point in points), 1000)
    if total < 0 < metric.low:
        return None  # D38
    if total == 0 and not spec.tolerate_zero:
        return Opinion(current)  # D11
    value = total / counted if spec.average else total
    # `average` looks at the load of one pod: that many of them are there (D2).
    share = total if spec.average else counted * total
    return _between_marks(spec, metric, (value, value), (share, share), current)


def _of_usage(
    spec: Spec, metric: Metric, pods: tuple[Point | None, ...], current: int, counted: int
) -> Opinion | None:
    """The mean over the pods, whatever the algorithm; who says nothing is idle or busy (D7)."""
    fresh = [point for point in pods if point is not None and not _stale(spec, point)]
    if not fresh:
        return None
    total = Fraction(sum(point.value for point in fresh), 1000)
    if total < 0 < metric.low:
        return None  # D38
    if total == 0 and not spec.tolerate_zero:
        return Opinion(current)  # D11
    unknown = len(pods) - len(fresh)
    if_idle = total / len(pods)
    if_busy = (total + unknown * Fraction(metric.high, 1000)) / len(pods)
    return _between_marks(
        spec, metric, (if_idle, if_busy), (counted * if_idle, counted * if_busy), current
    )


def _stale(spec: Spec, point: Point) -> bool:
    """Too old, or dated too far ahead (D16, D39)."""
    return point.age is not None and abs(point.age) > max_age(spec)


def _between_marks(
    spec: Spec,
    metric: Metric,
    values: tuple[Fraction, Fraction],
    loads: tuple[Fraction, Fraction],
    current: int,
) -> Opinion:
    """`values` are compared with the marks, `loads` divided by them: the least and the most each.

    What would grow has to hold of the least, what would shrink of the most (D7).
    """
    high, low = Fraction(metric.high, 1000), Fraction(metric.low, 1000)
    tolerance, step = Fraction(spec.tolerance, 1000), spec.modulo
    (least_value, most_value), (least, most) = values, loads
    if least_value > high * (1 + tolerance):  # D1
        return Opinion(min(max(multiple(ceil(least / high), step), current), INT32), above=True)
    if most_value < low * (1 - tolerance):
        pods = floor(most / low) if low else 1
        return Opinion(min(multiple(max(pods, 1), step), current), below=True)
    # Inside the marks only convergence moves (§11, 6).
    if spec.converge == "high" and max(current - step, 1) >= within(ceil(most / high), spec):
        return Opinion(max(current - step, 1))
    if spec.converge == "low" and low and current + step <= within(floor(least / low), spec):
        return Opinion(current + step)
    return Opinion(current)


def _recommended(spec: Spec, source: Reply | Silence, current: int) -> Opinion | None:
    """§18; an absent bound is the recommendation itself, no count or a negative one is no answer
    (D34), an old one neither (D16).
    """
    if isinstance(source, Silence) or source.replicas is None or source.replicas < 0:
        return None
    if source.age is not None and abs(source.age) > max_age(spec):
        return None
    count = source.replicas
    lower = count if source.lower is None else source.lower
    upper = count if source.upper is None else source.upper
    if count == 0 and not spec.tolerate_zero:
        return Opinion(current)  # D11
    if count == current:
        return _at_recommended(spec, current, lower, upper)
    asked = multiple(count, spec.modulo)
    asked = min(max(asked, current), INT32) if count > current else min(asked, current)
    above, below = current < lower, current > upper
    if above and below:
        # Bounds that contradict each other: only the direction that is taken is told (D34).
        above, below = count > current, count < current
    return Opinion(asked, above=above, below=below)


def _at_recommended(spec: Spec, current: int, lower: int, upper: int) -> Opinion:
    """Only convergence moves, as far as the bounds go."""
    if spec.converge == "high" and max(current - spec.modulo, 1) >= lower:
        return Opinion(max(current - spec.modulo, 1))
    if spec.converge == "low" and current + spec.modulo <= upper:
        return Opinion(current + spec.modulo)
    return Opinion(current)


def within(count: int, spec: Spec) -> int:
    """`count` brought between the bounds."""
    return max(spec.min_replicas, min(count, spec.max_replicas))


def multiple(pods: int, step: int) -> int:
    """The smallest multiple of `step` that is not less."""
    return ceil(Fraction(pods, step)) * step
