"""When a number of pods that differs from the target's own is believed (V-07, D36)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Doubt, Observed, PodCounts, Scale
from scaler.core.sentence import sentence
from scaler.core.trace import Decision
from scaler.core.views import View
from tests.oracle.worlds import NOW, good, metric, plain_spec
from tests.oracle.worlds import look as look_at


def look(owned: int | None, reported: int = 8) -> Observed:
    pods = None if owned is None else PodCounts(listed=owned, owned=owned)
    return Observed(scale=Scale(8, reported, "app=web"), pods=pods)


def doubts(*seen: int | None) -> list[Doubt]:
    view, found = View(), list[Doubt]()
    for owned in seen:
        view = view.after(look(owned))
        found.append(view.doubt)
    return found


def test_v07_a_difference_is_believed_when_it_was_seen_twice_before():
    assert doubts(6, 6, 6, 6) == ["fewer", "fewer", "", ""]
    assert doubts(9, 9, 9, 9) == ["more", "more", "", ""]


def test_v07_the_size_of_the_difference_may_change_meanwhile():
    """As in a rollout of a kind that reports pods on their way out."""
    assert doubts(6, 7, 5, 7) == ["fewer", "fewer", "", ""]


def test_v07_two_views_that_take_turns_are_never_believed_where_they_differ():
    assert doubts(8, 6, 8, 6, 8, 6) == ["", "fewer", "", "fewer", "", "fewer"]
    assert doubts(6, 9, 6, 9) == ["fewer", "more", "fewer", "more"]
    assert doubts(6, 6, 8, 6, 6, 8, 6) == ["fewer", "fewer", "", "fewer", "fewer", "", "fewer"]


def test_v07_pods_on_their_way_out_may_be_reported_or_not():
    """Deployments do not report them, StatefulSets do."""
    pods = PodCounts(listed=8, owned=6, leaving=2)
    for reported in (6, 7, 8):
        seen = Observed(scale=Scale(6, reported, "app=web"), pods=pods)
        assert View().after(seen).doubt == ""
    assert View().after(Observed(scale=Scale(6, 9, "app=web"), pods=pods)).doubt == "fewer"
    assert View().after(Observed(scale=Scale(6, 5, "app=web"), pods=pods)).doubt == "more"


@pytest.mark.parametrize("nothing", [look(None), Observed()])
def test_v07_a_look_without_pods_begins_anew(nothing):
    view = View().after(look(6)).after(look(6)).after(nothing)
    assert view.doubt == ""
    assert view.after(look(6)).doubt == "fewer"


@given(st.lists(st.integers(0, 16), min_size=1))
def test_v07_a_doubt_is_of_this_very_look(seen):
    """What agrees is never doubted, and nothing is doubted three times in a row."""
    found = doubts(*seen)
    for owned, doubt in zip(seen, found, strict=True):
        assert doubt in (("",) if owned == 8 else ("", "fewer" if owned < 8 else "more"))
    rows = zip(found, found[1:], found[2:], strict=False)
    assert all(not (one and one == two == three) for one, two, three in rows)


def decided(load: int, doubt: Doubt, **fields: Any) -> Decision:
    """`absolute`: six listed pods of eight with this much, marks 50 and 100."""
    spec = plain_spec((metric(100_000, 50_000),), **({"tolerance": 0} | fields))
    pods = PodCounts(listed=6, owned=6, ready=6, counted=6)
    return decide(spec, look_at(8, good(load * 1000), pods=pods, doubt=doubt), NOW)


@pytest.mark.parametrize(
    ("load", "doubt", "desired", "rule"),
    [
        (40, "", 4, "below_watermark"),
        # Eight pods with that much would ask for six.
        (40, "fewer", 8, "pods_differ"),
        (40, "more", 4, "below_watermark"),
        (200, "", 12, "above_watermark"),
        (200, "more", 8, "pods_differ"),
        # Fewer pods than there are never ask for too many.
        (200, "fewer", 12, "above_watermark"),
        (75, "fewer", 8, "within_watermarks"),
        (75, "more", 8, "within_watermarks"),
    ],
)
def test_v07_a_doubt_stops_the_step_that_it_would_make_too_large(load, doubt, desired, rule):
    found = decided(load, doubt)
    assert (found.desired, found.rule) == (desired, rule)


@pytest.mark.parametrize("doubt", ["", "fewer", "more"])
def test_v07_where_pods_do_not_multiply_a_doubt_changes_nothing(doubt):
    """`average` divides the sum by the mark, however many pods are listed (D2)."""
    assert decided(200, doubt, average=True).desired == 4
    assert decided(1000, doubt, average=True).desired == 10


def test_v07_a_doubt_is_told_and_bounds_are_kept_all_the_same():
    found = decided(40, "fewer")
    spec = plain_spec((metric(100_000, 50_000),))
    told = "6 pods are listed where the target reports 8"
    assert found.binding.detail == told
    assert sentence(spec, found, Applied()).endswith(told)
    assert decided(40, "fewer", max_replicas=7).desired == 7
