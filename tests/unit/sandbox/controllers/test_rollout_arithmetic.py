"""The steps of a rolling update never break their limits and always arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.controllers.rollout import Limits, Sizes, limits_of, next_sizes, paused_sizes

replicas = st.integers(0, 60)


@given(replicas, st.integers(0, 20), st.integers(0, 20), st.lists(st.integers(0, 20), max_size=3))
def test_a_rollout_ends_with_all_pods_new_and_stays_within_its_limits(
    wanted: int, surge: int, unavailable: int, olds: list[int]
):
    limits = limits_of(
        {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}, wanted
    )
    sizes = {"new": 0, **{f"old-{place}": size for place, size in enumerate(olds)}}
    available = dict(sizes)
    started_with = sum(olds)
    for _ in range(500):
        new = Sizes("new", sizes["new"], available["new"])
        old = [Sizes(name, sizes[name], available[name]) for name in sizes if name != "new"]
        before, sizes = sizes, next_sizes(wanted, limits, new, old)
        assert all(size >= 0 for size in sizes.values())
        assert sum(sizes.values()) <= max(wanted + limits.surge, sum(before.values()))
        up = sum(min(available[name], size) for name, size in sizes.items())
        floor = max(0, wanted - limits.unavailable)
        assert up >= min(floor, sum(min(available[n], s) for n, s in before.items()))
        if sizes == before == available:
            break
        available = dict(sizes)
    assert sizes == {"new": wanted, **{f"old-{place}": 0 for place in range(len(olds))}}, (
        started_with
    )


@pytest.mark.parametrize(
    ("strategy", "count", "expected"),
    [
        ({}, 10, Limits(3, 2)),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}, 3, Limits(0, 1)),
        ({"rollingUpdate": {"maxSurge": "1%", "maxUnavailable": 0}}, 5, Limits(1, 0)),
        ({"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "0%"}}, 7, Limits(7, 0)),
    ],
)
def test_surge_rounds_up_and_unavailability_down(strategy, count, expected):
    assert limits_of(strategy, count) == expected


def test_a_limit_that_is_no_count_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="'many' is neither a count nor a percentage"):
        limits_of({"rollingUpdate": {"maxSurge": "many"}}, 3)


@pytest.mark.parametrize(
    ("count", "old", "expected"),
    [
        (5, 5, {"new": 2, "old": 5}),
        (7, 5, {"new": 2, "old": 7}),
        (3, 5, {"new": 2, "old": 3}),
        (1, 2, {"new": 1, "old": 2}),
        (0, 5, {"new": 0, "old": 0}),
    ],
)
def test_a_paused_rollout_keeps_to_the_count_and_its_surge(count, old, expected):
    assert paused_sizes(count, 2, [Sizes("new", 2, 2), Sizes("old", old, old)]) == expected
