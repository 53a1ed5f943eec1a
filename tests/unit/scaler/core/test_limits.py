"""How far one step may go: velocity, bounds, multiples (§13, D8, D25)."""

import pytest

from scaler.core.limits import highest_step, limit, lowest_step
from tests.oracle.worlds import plain_spec


@pytest.mark.parametrize(
    ("factor", "current", "up", "down"),
    [
        (30_000, 10, 13, 7), (29_000, 10, 12, 8), (500, 10, 11, 9), (20_000, 3, 4, 2),
        (0, 10, 10, 10), (1, 10, 11, 9), (32_300, 1000, 1323, 677), (99_999, 10, 19, 1),
    ],
)  # fmt: skip
def test_velocity(factor, current, up, down):  # examples 14-18 and 25, W-V02, W-V03, W-V04
    spec = plain_spec(up_factor=factor, down_factor=factor)
    assert (highest_step(spec, current), lowest_step(spec, current)) == (up, down)


def test_fast_growth_and_saturation():
    assert highest_step(plain_spec(up_factor=150_000), 3) == 7
    assert highest_step(plain_spec(up_factor=10**13), 30) == 2**31 - 1


@pytest.mark.parametrize(
    ("current", "desired", "counted", "fields", "replicas", "reason"),
    [
        (10, 14, 10, {"up_factor": 30_000}, 13, "ScaleUpLimit"),  # W-V02
        (10, 13, 10, {"up_factor": 29_000}, 12, "ScaleUpLimit"),  # W-V03
        (10, 7, 10, {"down_factor": 29_000}, 8, "ScaleDownLimit"),
        (3, 9, 3, {"up_factor": 20_000}, 4, "ScaleUpLimit"),  # W-V04
        (3, 1, 3, {"down_factor": 20_000}, 2, "ScaleDownLimit"),
        # Example 19: the bound is the tighter one here, and is named (D25).
        (3, 8, 3, {"up_factor": 150_000, "max_replicas": 5}, 5, "TooManyReplicas"),
        (3, 8, 3, {"up_factor": 150_000, "max_replicas": 7}, 7, "ScaleUpLimit"),  # equal: velocity
        (3, 8, 3, {"up_factor": 150_000, "max_replicas": 8}, 7, "ScaleUpLimit"),
        (3, 6, 3, {"up_factor": 150_000, "max_replicas": 5}, 5, "TooManyReplicas"),
        # Example 20: not below what is not even ready.
        (50, 10, 40, {"down_factor": 15_000, "min_replicas": 3}, 50, "ScaleDownLimit"),
        (50, 10, 43, {"down_factor": 15_000, "min_replicas": 3}, 43, "ScaleDownLimit"),
        (50, 44, 40, {"down_factor": 15_000, "min_replicas": 3}, 44, "DesiredWithinRange"),
        (10, 1, 10, {"down_factor": 50_000, "min_replicas": 5}, 5, "ScaleDownLimit"),  # equal
        (10, 1, 10, {"down_factor": 50_000, "min_replicas": 6}, 6, "TooFewReplicas"),
        (10, 5, 10, {"down_factor": 50_000, "min_replicas": 6}, 6, "TooFewReplicas"),
        (10, 1, 5, {"down_factor": 50_000, "min_replicas": 6}, 10, "ScaleDownLimit"),
        (10, 20, 10, {"up_factor": 0}, 10, "ScaleUpLimit"),
        (10, 5, 10, {"down_factor": 0}, 10, "ScaleDownLimit"),
        (10, 10, 1, {"up_factor": 0, "down_factor": 0}, 10, "DesiredWithinRange"),
        (10, 12, 10, {"up_factor": 50_000}, 12, "DesiredWithinRange"),
        (10, 8, 10, {"down_factor": 50_000}, 8, "DesiredWithinRange"),
        # Example 30's neighbourhood: a factor of 10G neither wraps nor hides the bound.
        (30, 2**31 - 1, 30, {"up_factor": 10**13, "max_replicas": 99}, 99, "TooManyReplicas"),
    ],
)
def test_limits(current, desired, counted, fields, replicas, reason):
    limited = limit(plain_spec(**fields), current, desired, counted)
    assert (limited.replicas, limited.reason) == (replicas, reason)
    assert limited.limited is (reason != "DesiredWithinRange")


@pytest.mark.parametrize(
    ("current", "desired", "modulo", "fields", "replicas", "reason"),
    [
        # The velocity limit is never less than the distance to the next multiple.
        (5, 10, 5, {"up_factor": 50_000}, 10, "DesiredWithinRange"),
        (5, 25, 5, {"up_factor": 50_000}, 10, "ScaleUpLimit"),
        (7, 25, 5, {"up_factor": 1}, 10, "ScaleUpLimit"),
        (10, 5, 5, {"down_factor": 1}, 5, "DesiredWithinRange"),
        (12, 5, 5, {"down_factor": 1}, 10, "ScaleDownLimit"),
        (4, 9, 2, {"up_factor": 1}, 6, "ScaleUpLimit"),
        (4, 1, 2, {"down_factor": 1}, 2, "ScaleDownLimit"),
        (10, 20, 5, {"up_factor": 0}, 10, "ScaleUpLimit"),
        (12, 5, 5, {"down_factor": 0}, 12, "ScaleDownLimit"),
        # What is capped is aligned towards the current count, under the limit's name.
        (20, 40, 5, {"up_factor": 60_000}, 30, "ScaleUpLimit"),
        (40, 5, 5, {"down_factor": 60_000}, 20, "ScaleDownLimit"),
        # Alignment alone has its own name.
        (10, 13, 5, {}, 10, "ModuloAlignment"),
        (10, 17, 5, {}, 15, "ModuloAlignment"),
        (10, 4, 5, {}, 5, "ModuloAlignment"),
        (12, 11, 5, {}, 12, "ModuloAlignment"),
        # A bound that itself limits the count stays what it is.
        (5, 20, 5, {"max_replicas": 12}, 12, "TooManyReplicas"),
        (20, 1, 5, {"min_replicas": 3}, 3, "TooFewReplicas"),
        (20, 3, 5, {"min_replicas": 3}, 5, "ModuloAlignment"),
        (5, 12, 5, {"max_replicas": 12}, 10, "ModuloAlignment"),
        # A count equal to the current one is left alone.
        (7, 7, 5, {}, 7, "DesiredWithinRange"),
    ],
)  # fmt: skip
def test_multiples_hold_after_capping(current, desired, modulo, fields, replicas, reason):  # D8
    limited = limit(plain_spec(modulo=modulo, **fields), current, desired, current)
    assert (limited.replicas, limited.reason) == (replicas, reason)


def test_five_with_modulo_five_and_half_speed_can_move_both_ways():  # D8's own example
    spec = plain_spec(modulo=5, up_factor=50_000, down_factor=20_000)
    assert limit(spec, 5, 10, 5).replicas == 10
    assert limit(spec, 10, 5, 10).replicas == 5
