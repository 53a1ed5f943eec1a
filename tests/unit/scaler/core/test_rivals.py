"""Rivals: who else sets a target's count (D37)."""

import pytest

from scaler.core.decision import decide
from scaler.core.observed import PodCounts
from scaler.core.rivals import (
    PEER,
    Claim,
    conflict_events,
    giving_way,
    overlap_event,
    rivals,
    target_key,
)
from scaler.core.sentence import sentence
from scaler.core.wire import TargetReference
from tests.oracle.outcomes import DRY, conditions, told
from tests.oracle.worlds import NOW, good, look, plain_spec

SPEC = plain_spec()
HPA = "HorizontalPodAutoscaler"


def claim(name: str = "web", namespace: str = SPEC.namespace, **target: str) -> Claim:
    named = {"kind": "Deployment", "name": "web", "api_version": "apps/v1"} | target
    return Claim(HPA, name, target_key(namespace, TargetReference(**named)))


@pytest.mark.parametrize(
    "same",
    [claim(), claim(api_version="apps/v1beta2"), claim(api_version="")],
    ids=["same version", "another version of the group", "well-known kind without a version"],
)
def test_another_on_the_same_object_is_a_rival(same):
    assert rivals(SPEC, [same]) == (same,)


@pytest.mark.parametrize(
    "other",
    [
        claim(namespace="elsewhere"),
        claim(api_version="example.test/v1"),
        claim(kind="StatefulSet"),
        Claim(HPA, "web", target_key(SPEC.namespace, TargetReference("Deployment", "api"))),
    ],
    ids=["namespace", "group", "kind", "name"],
)
def test_one_on_another_object_is_none(other):
    assert rivals(SPEC, [other]) == ()


def test_an_autoscaler_in_dry_run_has_no_rivals():
    assert rivals(plain_spec(dry_run=True), [claim()]) == ()


def test_rivals_come_in_order_so_that_the_same_ones_are_told_once():
    found = rivals(SPEC, [claim("b"), claim("a")])
    assert [one.name for one in found] == ["a", "b"]
    assert found == rivals(SPEC, [claim("a"), claim("b")])


def test_the_event_names_target_rivals_and_ways_out():
    (event,) = conflict_events(SPEC, [claim("a"), claim("b")])
    assert (event.type, event.reason) == ("Warning", "ConflictingController")
    assert event.message == (
        f"the replica count of Deployment/{SPEC.namespace}/web is also set by "
        "HorizontalPodAutoscaler a and HorizontalPodAutoscaler b: they work against each other; "
        "delete all but one of them, or set dryRun on this one"
    )


def test_pods_of_others_under_the_selector_are_told_once():
    alone, shared = (
        decide(SPEC, look(3, good(500_000), pods=PodCounts(3 + more, 3, 3, 3, 0, more)), NOW)
        for more in (0, 4)
    )
    event = overlap_event(SPEC, shared, alone)
    assert event is not None
    assert (event.type, event.reason) == ("Warning", "OverlappingSelector")
    assert "also matches 4 pods that do not belong to it" in event.message
    assert overlap_event(SPEC, shared, None) == event
    assert overlap_event(SPEC, shared, shared) is None
    assert overlap_event(SPEC, alone, shared) is None


def test_only_to_the_peer_controller_it_gives_way_and_says_so():
    peer = Claim(PEER, "web", claim().target)
    assert giving_way(SPEC, [claim("a")]) == SPEC
    yielding = giving_way(SPEC, [claim("a"), peer])
    assert (yielding.dry_run, yielding.gives_way_to) == (True, PEER)
    first, second = conflict_events(SPEC, [claim("a"), peer])
    assert PEER in first.message
    assert "writes nothing" in first.message
    assert "HorizontalPodAutoscaler a" in second.message
    assert conflict_events(SPEC, []) == []


def test_giving_way_is_told_in_the_condition_and_the_sentence():
    yielding = giving_way(SPEC, [Claim(PEER, "web", claim().target)])
    grows = look(4, good(2_000_000))
    found, _ = conditions(yielding, grows, DRY)
    assert told(found["DryRun"]) == (
        "True",
        "DryRun mode enabled",
        "Scaling changes won't be applied: Koupleless' peer controller sets the replica count of "
        "Deployment/shop/web",
    )
    assert sentence(yielding, decide(yielding, grows, NOW), DRY) == (
        "dry run, would scale from 4 to 8: backlog 2000 is above 1000 and asks for 8; "
        "Koupleless' peer controller sets the count too"
    )
