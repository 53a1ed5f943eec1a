"""What a counterfactual says is true: its situation, decided anew, gives another decision."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core.counterfactual import counterfactual
from scaler.core.decision import decide
from tests.oracle.chance import any_look, any_spec
from tests.oracle.worlds import NOW, given_spec, good, held_for, look, ready_pods

SEEDS = 6_000


def check(seed: Random) -> str:
    spec = any_spec(seed)
    observed = any_look(seed, spec)
    decision = decide(spec, observed, NOW)
    other = counterfactual(spec, observed, decision)
    situation = other.situation
    again = decide(situation.spec, situation.observed, situation.now)
    assert (again.rule, again.desired) != (decision.rule, decision.desired)
    assert again == other.decision
    assert situation.when
    assert other.text.startswith("would ")
    return decision.rule


def test_applying_it_changes_the_decision_for_every_rule_that_binds():
    met = {check(Random(seed)) for seed in range(SEEDS)}
    assert len(met) >= 25, met


@given(st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_applying_it_changes_the_decision(chance):
    check(chance)


def test_a_delay_says_when_it_ends():
    spec = given_spec(
        algorithm="average",
        upscaleDelayAboveWatermarkSeconds=60,
        upscaleForbiddenWindowSeconds=1,
        maxReplicas=20,
    )
    high = spec.metrics[0].high
    observed = look(4, good(high * 4 * 2), pods=ready_pods(4), memory=held_for(17))
    decision = decide(spec, observed, NOW)
    assert decision.rule == "upscale_delay"
    assert counterfactual(spec, observed, decision).text == "would scale to 6 in 43 s"
