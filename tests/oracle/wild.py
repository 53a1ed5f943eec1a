"""Whatever can reach `decide`: valid in its types, senseless in its values.

Specifications and looks of `tests.oracle.chance`, and beside them Resource metrics, recommenders,
pod counts that contradict each other, readings from any time, a status that somebody else wrote.
"""

from random import Random

from msgspec import Struct, structs

from kube.vocab.conditions import Condition
from kube.vocab.times import Millis
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed, PodCounts, Reading, Scale
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.status import memory_of
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_look, any_spec
from tests.oracle.laws import check_decision, check_repeatable, check_told, outcome
from tests.oracle.worlds import NOW

_TIMES = (
    None, "", "yesterday", "2027-01-15T08:00:00Z", "2027-01-15T07:59:30Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z", "2027-01-15T08:00:00.999999+14:00",
)  # fmt: skip
_KINDS = (
    "ScalingActive", "AbleToScale", "ScalingLimited", "DryRun", "AboveHighWatermark",
    "BelowLowWatermark", "ConvergeToWatermark", "ScalingBlocked", "WatermarksTooClose", "Theirs",
)  # fmt: skip
_EARLIEST, _LATEST = -62_135_596_800_000, 253_402_300_799_999
"""The times that can be written: years 1 to 9999."""
_COUNTS = (0, 0, 1, 2, 7, 1000, HIGHEST_COUNT)


class Input(Struct, frozen=True):
    """All that an evaluation starts from."""

    spec: Spec
    world: Observed
    now: Millis
    stored: AutoscalerStatus
    quiet: bool


def any_input(chance: Random) -> Input:
    """One input; half of them keep a memory and pods that make sense."""
    spec = any_spec(chance, wild=True)
    world = any_look(chance, spec, wild=True)
    now, stored = NOW + chance.randint(0, 60_000), any_status(chance)
    kind = chance.randint(0, 4)
    if kind == 0:
        spec, world = _with_resources(chance, spec, world)
    elif kind == 1:
        spec, world = _with_recommender(chance, spec, world)
    if chance.randint(0, 1):
        lease = chance.choice((None, NOW - 20_000, NOW + 3_600_000))
        world = structs.replace(world, memory=memory_of(stored, now, lease))
    if chance.randint(0, 3) == 0:
        world = structs.replace(world, scale=_any_scale(chance), pods=_any_pods(chance))
    return Input(spec, world, now, stored, chance.random() < 0.5)


def any_status(chance: Random) -> AutoscalerStatus:
    """A status that somebody wrote."""
    kinds = chance.sample(_KINDS, chance.randint(0, len(_KINDS)))
    conditions = [
        Condition(
            kind, chance.choice(("True", "False", "Unknown", "")), chance.choice(_TIMES), "R", "m"
        )
        for kind in kinds
    ]
    return AutoscalerStatus(
        conditions=chance.choice((None, tuple(conditions), tuple(conditions))),
        last_scale_time=chance.choice(_TIMES),
        scaling_events_count=chance.choice(_COUNTS),
        desired_replicas=chance.choice(_COUNTS),
    )


def check_input(given: Input) -> Decision:
    """Decide, and derive all that can be derived, as a first decision and as a later one."""
    spec, world = given.spec, given.world
    earlier = decide(spec, world, given.now - world.period)
    decision = decide(spec, world, given.now)
    check_decision(spec, world, decision)
    for applied, before in ((outcome(spec, decision), earlier), (Applied("failed", "no"), None)):
        check_told(spec, decision, applied, given.stored, before, quiet=given.quiet)
    check_repeatable(spec, world, decision, outcome(spec, decision))
    return decision


def _with_resources(chance: Random, spec: Spec, world: Observed) -> tuple[Spec, Observed]:
    metrics = tuple(
        Metric("Resource", chance.choice(("cpu", "memory")), each.high, each.low)
        for each in spec.metrics
    )
    return structs.replace(spec, metrics=metrics), _spread(chance, world)


def _with_recommender(chance: Random, spec: Spec, world: Observed) -> tuple[Spec, Observed]:
    marks = (None, 0, 1000, 90_000)
    one = Recommender(
        "https://u:p@there/", "recommender{}", high=chance.choice(marks), low=chance.choice(marks)
    )
    current = world.scale.spec_replicas if world.scale else 0
    near = (*_COUNTS, current, current, current + 1, max(0, current - 2))
    advice = Advice(chance.choice(near), chance.choice(near), chance.choice(near), "because")
    readings = tuple(
        structs.replace(reading, advice=chance.choice((None, advice, advice, advice)))
        for reading in _spread(chance, world).readings[:1]
    )
    spec = structs.replace(spec, metrics=(), recommender=one)
    return spec, structs.replace(world, readings=readings)


def _spread(chance: Random, world: Observed) -> Observed:
    """The same readings over any number of series, taken at any time."""
    readings = tuple(_anywhere(chance, reading) for reading in world.readings)
    return structs.replace(world, readings=readings)


def _anywhere(chance: Random, reading: Reading) -> Reading:
    at = chance.choice((None, NOW, NOW - 90_000, chance.randint(_EARLIEST, _LATEST)))
    return structs.replace(
        reading, at=at, series=chance.choice((0, 1, 5, 40)), missing=chance.choice((0, 0, 1, 40))
    )


def _any_scale(chance: Random) -> Scale:
    return Scale(chance.choice(_COUNTS), chance.choice(_COUNTS), chance.choice(("a=b", " ", "!")))


def _any_pods(chance: Random) -> PodCounts:
    return PodCounts(*(chance.choice(_COUNTS) for _ in range(7)))
