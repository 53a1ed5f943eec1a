"""What the sources of metrics say at an evaluation, and what the scaler reads out of it.

The rules (`tests.oracle.opinions`) look at what was said; the code looks at what `reading_from`
makes of it with the scaler's own readers. So the reading is under test too.
"""

from dataclasses import dataclass

import msgspec

from kube.vocab.times import SECOND, Millis, format_micro
from scaler.core.observed import Reading, ReadingState, Sample, reading_of, resource_reading_of
from scaler.core.recommender_wire import BadReply, read_reply
from scaler.core.spec import Spec
from tests.oracle.worlds import missing

DEFAULT_AGE = 120
"""The oldest sample that is acted on, in seconds (D16)."""


@dataclass(frozen=True)
class Point:
    """A value in thousandths, and its age in milliseconds; None where it carries no time."""

    value: int
    age: int | None = None


@dataclass(frozen=True)
class Series:
    """What the external metrics API answers: any number of series."""

    points: tuple[Point, ...]


@dataclass(frozen=True)
class Usage:
    """What the resource metrics API says of each pod that counts; None where it says nothing."""

    pods: tuple[Point | None, ...]


@dataclass(frozen=True)
class EachPod:
    """What a pod uses, where it is not known yet which pods will count."""

    value: int


@dataclass(frozen=True)
class Reply:
    """A recommender's answer; its age in milliseconds, None where it carries no time."""

    replicas: int | None
    lower: int | None = None
    upper: int | None = None
    age: int | None = None
    shown: int = 0


@dataclass(frozen=True)
class Silence:
    """No answer, and what it looks like."""

    state: ReadingState


Source = Series | Usage | Reply | Silence


def max_age(spec: Spec) -> int:
    """How old a sample of `spec` may be, in milliseconds."""
    return (spec.max_sample_age or DEFAULT_AGE) * SECOND


def reading_from(spec: Spec, source: Source, now: Millis) -> Reading:
    """What the scaler reads."""
    match source:
        case Series(points):
            return reading_of([_sample(point, now) for point in points], now, max_age(spec))
        case Usage(pods):
            names = [f"pod-{number}" for number in range(len(pods))]
            usage = {
                name: _sample(point, now)
                for name, point in zip(names, pods, strict=True)
                if point is not None
            }
            usage["of-somebody-else"] = Sample(10**9, now)
            return resource_reading_of(usage, names, now, max_age(spec))
        case Reply():
            try:
                return read_reply(_body(source, now), now, max_age(spec))
            except BadReply as error:
                return missing("error", str(error))
        case Silence(state):
            return missing(state)


def _sample(point: Point, now: Millis) -> Sample:
    return Sample(point.value, None if point.age is None else now - point.age)


def _body(reply: Reply, now: Millis) -> bytes:
    fields = {
        "timestamp": None if reply.age is None else format_micro(now - reply.age),
        "targetReplicas": reply.replicas,
        "lowerBoundReplicas": reply.lower,
        "upperBoundReplicas": reply.upper,
        "observedTargets": [{"targetValue": reply.shown}],
        "surprise": True,
    }
    return msgspec.json.encode({key: text for key, text in fields.items() if text is not None})
