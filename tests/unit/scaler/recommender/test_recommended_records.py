"""Any decision on a recommendation is total, comes back from its record, and has an alternative."""

from random import Random

import pytest
from msgspec import structs

from scaler.core.conditions import Applied
from scaler.core.counterfactual import counterfactual
from scaler.core.decision import decide
from scaler.core.events import events
from scaler.core.gauges import gauges
from scaler.core.observed import Reading
from scaler.core.recommender import Advice
from scaler.core.record import Record, pack, replay, unpack
from scaler.core.sentence import sentence
from scaler.core.status import status_after
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_look, any_spec
from tests.oracle.worlds import NOW, look, missing
from tests.unit.scaler.recommender.worlds import recommended_spec

SEEDS = range(3000)


def some_reading(seed: Random) -> Reading:
    if seed.random() < 0.2:
        return missing(seed.choice(["error", "stale", "nan", "forbidden"]))
    replicas, lower, upper = (seed.choice([0, 1, 3, 5, 8, 20, 2**31 - 1]) for _ in range(3))
    return Reading(
        "ok", seed.randrange(-9, 10**6), 1, NOW, advice=Advice(replicas, lower, upper, "so")
    )


def test_every_decision_is_told_recorded_and_has_an_alternative():
    met = set()
    for number in SEEDS:
        seed = Random(number)
        recommender = recommended_spec().recommender
        spec = structs.replace(any_spec(seed), metrics=(), recommender=recommender)
        observed = structs.replace(any_look(seed, spec), readings=(some_reading(seed),))
        decision = decide(spec, observed, NOW)
        met.add(decision.rule)
        applied = Applied("scaled") if decision.scales else Applied()
        status = status_after(spec, decision, applied, AutoscalerStatus())
        assert list(gauges(spec, decision, status))
        assert sentence(spec, decision, applied)
        events(spec, decision, applied, None)

        record = Record(NOW, 1, observed, applied, decision.rule)
        (back,) = unpack(pack([record]))
        assert replay(back, spec) == decision

        other = counterfactual(spec, observed, decision)
        assert (other.decision.rule, other.decision.desired) != (decision.rule, decision.desired)
        assert other.situation.when
    assert {"recommendation", "above_watermark", "below_watermark", "zero_value"} <= met


@pytest.mark.parametrize(
    ("advice", "text"),
    [
        (Advice(4, 2, 6), "would scale to 5 if the recommender asked for 5"),
        (Advice(5, 2, 6), "would stay at 4 because of within watermarks if the recommender "
                          "asked for 4"),
    ],
)  # fmt: skip
def test_the_alternative_speaks_of_the_recommender(advice, text):
    spec = recommended_spec()
    observed = look(4, Reading("ok", 0, 1, NOW, advice=advice))
    assert counterfactual(spec, observed, decide(spec, observed, NOW)).text == text
