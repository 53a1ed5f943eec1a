"""`decide` says what the independent statement of the rules says."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.core.decision import decide
from tests.oracle.chance import any_look, any_spec
from tests.oracle.rules import expected
from tests.oracle.worlds import NOW


def _compare(chance: Random) -> str:
    spec = any_spec(chance)
    world = any_look(chance, spec)
    now = NOW + chance.choice((0, 0, 1, 999))
    told = decide(spec, world, now)
    due = expected(spec, world, now)
    context = f"{spec}\n{world}\n{told.steps}"
    assert told.desired == due.desired, context
    assert told.memory == due.memory, context
    assert (told.limited.reason if told.limited else None) == due.limit, context
    assert told.evaluated == (due.active is True), context
    return told.rule


@settings(max_examples=300, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_decide_agrees_with_the_rules(chance):
    _compare(chance)


def test_a_sweep_agrees_and_meets_every_rule():
    met = {_compare(Random(seed)) for seed in range(20_000)}
    assert met >= {
        "target_unreadable", "scaling_disabled", "above_max_replicas", "below_min_replicas",
        "no_running_replicas", "invalid_selector", "pods_unreadable", "none_ready",
        "not_enough_available", "metric_unavailable", "within_watermarks", "zero_value",
        "above_watermark", "below_watermark", "converge", "guarded_by_current", "warming_up",
        "scale_up_limit", "scale_down_limit", "max_replicas", "min_replicas", "modulo_alignment",
        "upscale_window", "downscale_window", "upscale_delay", "downscale_delay",
    }  # fmt: skip
