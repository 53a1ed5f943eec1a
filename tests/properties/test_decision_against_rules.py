"""`decide` says what the independent statement of the rules says, whatever the sources are."""

from random import Random
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core.decision import decide
from scaler.core.trace import Rule
from tests.oracle.rules import expected
from tests.oracle.scenes import any_scene

NOT_HERE = {"invalid_spec"}
"""An object that is refused is not decided about."""


def _compare(chance: Random, *, large: bool = False) -> str:
    scene = any_scene(chance, large=large)
    told = decide(scene.spec, scene.world, scene.now)
    due = expected(scene.spec, scene.world, scene.sources, scene.now)
    context = f"{scene}\n{told.steps}\n{due}"
    assert told.desired == due.desired, context
    assert told.memory == due.memory, context
    assert (told.limited.reason if told.limited else None) == due.limit, context
    assert told.evaluated == (due.active is True), context
    if due.asked is not None:
        assert told.asked == due.asked, context
    if due.winner is not None:
        assert told.winner == due.winner, context
    return told.rule


@settings(max_examples=400)
@given(chance=st.randoms(use_true_random=False))
def test_decide_agrees_with_the_rules(chance):
    _compare(chance)


def test_a_sweep_agrees_and_meets_every_rule():
    met = {_compare(Random(seed)) for seed in range(30_000)}
    assert met == set(get_args(Rule)) - NOT_HERE


def test_a_sweep_over_values_up_to_what_64_bits_hold_agrees():
    """In fractions nothing is lost; in floating point all of the last digits would be."""
    met = {_compare(Random(seed), large=True) for seed in range(10_000)}
    assert met >= {"above_watermark", "below_watermark", "converge", "guarded_by_current"}
