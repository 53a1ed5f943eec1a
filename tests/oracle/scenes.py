"""Random evaluations over every kind of source, crowded around the edges where rules change."""

from dataclasses import dataclass
from random import Random

from msgspec import structs

from kube.vocab.times import SECOND
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed
from scaler.core.recommender import Recommender
from scaler.core.spec import Spec
from tests.oracle.chance import STATES, any_look, any_spec
from tests.oracle.opinions import INT32, NO_NUMBER
from tests.oracle.sources import (
    EachPod,
    Point,
    Reply,
    Series,
    Silence,
    Source,
    Usage,
    max_age,
    reading_from,
)
from tests.oracle.worlds import NOW

MOODS = ("any", "low", "between", "high")
RECOMMENDER = Recommender("https://there/", "recommender{targetType:cpu}", "cpu", 900, 500)


@dataclass(frozen=True)
class Scene:
    """One evaluation: the code looks at `world`, whose readings come from the `sources`."""

    spec: Spec
    world: Observed
    sources: tuple[Source, ...]
    now: int


def any_scene(chance: Random, *, large: bool = False) -> Scene:
    """One evaluation at, or a little after, the time of everything else that is drawn.

    `large` marks and values go up to what 64 bits hold.
    """
    spec = with_any_sources(chance, any_spec(chance))
    if large:
        spec = structs.replace(spec, metrics=tuple(_enlarged(chance, one) for one in spec.metrics))
    now = NOW + chance.choice((0, 0, 1, 500, 999))
    world = any_look(chance, spec)
    current = world.scale.spec_replicas if world.scale else 1
    counted = world.pods.counted if world.pods else 1
    sources = any_sources(chance, spec, current, counted)
    readings = tuple(reading_from(spec, source, now) for source in sources)
    return Scene(spec, structs.replace(world, readings=readings), sources, now)


def _enlarged(chance: Random, metric: Metric) -> Metric:
    """The same band, up to 2**63 thousandths high, and not on round numbers."""
    factor = chance.randint(1, (2**63 - 1) // (metric.high + 1))
    rest = chance.randint(0, factor)
    return structs.replace(metric, high=metric.high * factor + rest, low=metric.low * factor)


def with_any_sources(chance: Random, spec: Spec) -> Spec:
    """`spec` with metrics of both kinds, or with a recommender in their place."""
    limit = chance.choice((None, None, 60, 300))
    if chance.randint(0, 4) == 0:
        return structs.replace(spec, metrics=(), recommender=RECOMMENDER, max_sample_age=limit)
    metrics = tuple(
        Metric(chance.choice(("External", "Resource")), each.name, each.high, each.low)
        for each in spec.metrics
    )
    return structs.replace(spec, metrics=metrics, max_sample_age=limit)


def any_sources(chance: Random, spec: Spec, current: int, counted: int) -> tuple[Source, ...]:
    """What the sources of `spec` say about a target at `current` with `counted` pods."""
    if spec.recommender is not None:
        return (any_reply(chance, spec, current),)
    return tuple(any_answer(chance, spec, metric, current, counted) for metric in spec.metrics)


def any_mood(chance: Random, spec: Spec, current: int, mood: str) -> tuple[Source | EachPod, ...]:
    """As `any_sources` for any pods; all values lie in the region `mood`, unless it is "any"."""
    if spec.recommender is not None:
        reply = any_reply(chance, spec, current)
        if mood != "any":
            factor = {"low": 0, "between": 1, "high": 2}[mood]
            count = chance.randint(current * factor // 2, current * (factor + 1) // 2 + 1)
            reply = Reply(count, chance.choice((None, count // 2)), chance.choice((None, count)))
        return (reply,)
    return tuple(_in_mood(chance, spec, metric, current, mood) for metric in spec.metrics)


def _in_mood(
    chance: Random, spec: Spec, metric: Metric, current: int, mood: str
) -> Source | EachPod:
    ends = {
        "low": (0, metric.low),
        "between": (metric.low, metric.high),
        "high": (metric.high, 2 * metric.high),
    }
    bottom, top = ends.get(mood, (0, 0))
    load = (
        _any_load(chance, spec, metric) if mood == "any" else chance.randint(min(bottom, top), top)
    )
    if metric.kind == "Resource":
        return EachPod(load)
    if mood == "any":
        return any_answer(chance, spec, metric, current, current)
    return Series((Point(load * (current if spec.average else 1), 0),))


def any_answer(chance: Random, spec: Spec, metric: Metric, current: int, counted: int) -> Source:
    """What is said of one metric, near its marks."""
    if chance.randint(0, 7) == 0:
        return Silence(chance.choice(STATES))
    load = _any_load(chance, spec, metric)
    if metric.kind == "Resource":
        return any_usage(chance, spec, load, counted)
    total = load * (current if spec.average or chance.randint(0, 3) == 0 else 1)
    count = chance.choice((1, 1, 2, 3))
    parts = [chance.randint(-5_000, 50_000) for _ in range(count - 1)]
    values = [*parts, total - sum(parts)]
    if chance.randint(0, 40) == 0:
        values[0] = NO_NUMBER
    return Series(tuple(Point(value, any_age(chance, spec)) for value in values))


def any_usage(chance: Random, spec: Spec, load: int, counted: int) -> Usage:
    """Pods that use about `load` each; some may say nothing, or have said it long ago."""
    silent = chance.choice((0, 0, 0, chance.randint(0, counted)))
    uneven = chance.choice((0, abs(load) // 2, 1))
    pods: list[Point | None] = [
        Point(load + chance.randint(-uneven, uneven), any_age(chance, spec))
        for _ in range(counted - silent)
    ]
    pods += [None] * silent
    chance.shuffle(pods)
    return Usage(tuple(pods))


def any_age(chance: Random, spec: Spec) -> int | None:
    """Mostly fresh; at and around the limit; or not told."""
    limit = max_age(spec)
    if chance.randint(0, 5):
        return chance.choice((None, 0, 15 * SECOND, 40 * SECOND))
    return chance.choice((limit, limit, limit + 1, limit - 1, -60 * SECOND, -limit, -limit - 1))


def any_reply(chance: Random, spec: Spec, current: int) -> Source:
    """A recommendation around the current count; its bounds lie anywhere near."""
    if chance.randint(0, 7) == 0:
        return Silence(chance.choice(STATES))
    count: int | None = _near(chance, current)
    if chance.randint(0, 10) == 0:
        count = chance.choice((0, -1, None, INT32))
    around = count or 0
    lower = chance.choice((None, _near(chance, current), _near(chance, around), 0))
    upper = chance.choice((None, _near(chance, current), _near(chance, around), 1000))
    return Reply(count, lower, upper, any_age(chance, spec), chance.randint(0, 10**6))


def _any_load(chance: Random, spec: Spec, metric: Metric) -> int:
    """For one pod, or for all of them: at a mark, around one, somewhere, nothing at all."""
    tolerance = chance.choice((0, spec.tolerance))
    above = metric.high * (1000 + tolerance) // 1000
    below = metric.low * (1000 - tolerance) // 1000
    mark = chance.choice((above, below))
    return chance.choice(
        (
            mark,
            mark + chance.randint(0, abs(mark) // 20),
            chance.randint(metric.low, metric.high),
            mark + chance.randint(-1, 1),
            mark * chance.randint(0, 300) // 100,
            mark * chance.randint(80, 120) // 100,
            chance.randint(min(metric.low, 0), metric.low),
            -chance.randint(1, abs(mark) + 1),
            0,
        )
    )


def _near(chance: Random, count: int) -> int:
    step = chance.choice((0, 0, -1, 1, chance.randint(-8, 8), chance.randint(0, 60)))
    return max(0, min(count + step, INT32))
