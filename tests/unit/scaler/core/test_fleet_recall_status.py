"""What a status that this program wrote tells of the metrics to the one that reads it later."""

from collections.abc import Sequence

import pytest

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.fleet_evidence import Recalled
from scaler.core.fleet_recall import recall
from scaler.core.observed import Fleet, PodCounts, Reading
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import Spec
from scaler.core.status import status_after
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW, good, look, metric, missing, plain_spec

MINUTE = 60_000
TWO = plain_spec((metric(1000, 100, "backlog"), metric(1000, 100, "lag")), min_replicas=1)
ADVISED = plain_spec(
    metrics=(metric(1000, 100),),
    recommender=Recommender("https://advice.example/", "recommender{targetType:cpu}"),
)
BAD, FINE = missing(), good(500)
ADVICE = Reading("ok", 0, 1, NOW, advice=Advice(4, 4, 4))
NO_PODS = PodCounts()


def life(
    spec: Spec, *evaluations: tuple[Sequence[Reading], PodCounts | None, Fleet | None]
) -> AutoscalerStatus:
    """The status after these evaluations, a minute apart; the last one is of `NOW`."""
    status = AutoscalerStatus()
    for index, (readings, pods, fleet) in enumerate(evaluations, 1 - len(evaluations)):
        at = NOW + index * MINUTE
        decision = decide(spec, look(4, *readings, pods=pods, fleet=fleet), at)
        status = status_after(spec, decision, Applied(), status)
    return status


def told(spec: Spec, status: AutoscalerStatus) -> Recalled:
    """Ten minutes later."""
    return recall("u", spec, status, NOW + 10 * MINUTE)


@pytest.mark.parametrize(
    ("spec", "evaluations", "healths", "doubtful"),
    [
        (TWO, [(FINE, FINE)], ("fresh", "fresh"), ()),
        (TWO, [(FINE, FINE), (BAD, BAD)], ("degraded", "degraded"), ()),
        (TWO, [(BAD, BAD)], ("unknown", "unknown"), (0, 1)),
        (TWO, [(FINE, FINE), (FINE, BAD)], ("fresh", "unknown"), (1,)),
        (TWO, [(FINE, BAD), (BAD, BAD)], ("degraded", "unknown"), (1,)),
        (TWO, [(FINE, FINE), (BAD, BAD), (FINE, FINE)], ("fresh", "fresh"), ()),
        (ADVISED, [(ADVICE,)], ("fresh",), ()),
        (ADVISED, [(ADVICE,), (BAD,)], ("degraded",), ()),
    ],
)
def test_what_was_there_and_what_is_missing_is_read_from_the_status(
    spec, evaluations, healths, doubtful
):
    found = told(spec, life(spec, *((readings, None, None) for readings in evaluations)))
    assert found.healths == healths
    assert found.doubtful == frozenset(doubtful)
    assert found.replicas == 4
    assert not found.held


def test_how_long_it_has_been_missing_is_known():
    status = life(TWO, ((FINE, FINE), None, None), *(((BAD, BAD), None, None),) * 5)
    assert told(TWO, status).degraded_for == 14 * MINUTE


def test_a_gate_says_nothing_about_metrics():
    """Upstream's reasons are the same for both; the texts are not."""
    status = life(TWO, ((FINE, FINE), None, None), ((), NO_PODS, None))
    active = status.condition("ScalingActive")
    assert active is not None
    assert active.reason == "FailedGetExternalMetric"
    assert told(TWO, status).healths == ("dormant", "dormant")


def test_that_it_was_held_back_is_known():
    low = good(50)
    status = life(TWO, ((low, low), None, Fleet("frozen", "it is a test")))
    assert told(TWO, status).held
    assert not told(TWO, life(TWO, ((low, low), None, None))).held


def test_a_new_metric_in_place_of_another_is_unknown():
    other = plain_spec((metric(1000, 100, "orders"),))
    assert told(other, life(TWO, ((FINE, FINE), None, None))).healths == ("unknown",)


def test_a_dry_run_has_no_replicas_to_give():
    dry = plain_spec((metric(1000, 100, "backlog"),), dry_run=True)
    assert told(dry, life(dry, ((FINE,), None, None))).replicas == 0


def test_an_empty_status_tells_nothing():
    found = told(TWO, AutoscalerStatus())
    assert (found.healths, found.doubtful, found.held) == (("unknown",) * 2, frozenset(), False)
