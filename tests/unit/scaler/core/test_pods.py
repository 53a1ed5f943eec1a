"""Whose the pods are and which of them count (D4, D5, D6)."""

import itertools
from typing import Any

import pytest

from kube.vocab.objects import OwnerReference
from scaler.core.gates import available_percentage
from scaler.core.observed import PodCounts
from scaler.core.pods import Pod, Target, count_pods, kinds_between, unread_owners
from tests.oracle.worlds import NOW

TARGET = Target("uid-web", "web")


def owner(name: str, uid: str, kind: str = "ReplicaSet") -> OwnerReference:
    return OwnerReference("apps/v1", kind, name, uid, True)


DEPLOYMENT = owner("web", "uid-web", "Deployment")
REPLICA_SET = owner("web-abc", "uid-rs")
CHAIN = {"uid-rs": (DEPLOYMENT,)}


NAMES = itertools.count()


def pod(**fields: Any) -> Pod:
    given: dict[str, Any] = {
        "name": f"web-{next(NAMES)}",
        "owners": (REPLICA_SET,),
        "phase": "Running",
    }
    given |= {"ready": True, "started": NOW - 3_600_000}
    return Pod(**(given | fields))


def count(pods, target=TARGET, links=CHAIN, **fields) -> PodCounts:
    given = {"now": NOW, "readiness_delay": 0, "status_replicas": 100}
    return count_pods(pods, target, links, **(given | fields)).counts


def test_ready_pods_of_the_target_count():
    assert count([pod(), pod(ready=False), pod(phase="Pending", ready=False)]) == PodCounts(
        listed=3, owned=3, ready=1, counted=1
    )


def test_finished_and_terminating_pods_leave_both_sides_of_the_availability():
    gone = [pod(phase="Failed"), pod(phase="Succeeded"), pod(terminating=True)]
    counts = count([pod(), pod(ready=False), *gone])
    assert counts == PodCounts(listed=5, owned=2, ready=1, counted=1, leaving=1)
    assert available_percentage(counts) == 50


def test_pods_of_another_owner_under_the_same_selector_are_foreign():
    other = owner("web-metric-xyz", "uid-other-rs")
    links = CHAIN | {"uid-other-rs": (owner("web-metric", "uid-other", "Deployment"),)}
    counts = count([pod(), pod(owners=(other,)), pod(owners=())], links=links)
    assert counts == PodCounts(listed=3, owned=1, ready=1, counted=1, foreign=2)


def test_ownership_is_by_uid_and_not_by_name():
    # Same names throughout, but the chain ends at a Deployment of another uid (U16).
    links = {"uid-rs": (owner("web", "uid-deleted", "Deployment"),), "uid-deleted": ()}
    assert count([pod()], links=links).foreign == 1
    # A name that upstream's rule would not match.
    odd = owner("my-set-of-pods", "uid-odd", "ReplicationController")
    links = {"uid-odd": (owner("web", "uid-web", "DeploymentConfig"),)}
    assert count([pod(owners=(odd,))], links=links).counted == 1


def test_chains_may_be_direct_or_long_and_loops_end():
    assert count([pod(owners=(DEPLOYMENT,))], links={}).counted == 1
    long = {"uid-rs": (owner("middle", "uid-m"),), "uid-m": (DEPLOYMENT,)}
    assert count([pod()], links=long).counted == 1
    loop = {"uid-rs": (owner("a", "uid-a"),), "uid-a": (REPLICA_SET,)}
    assert count([pod()], links=loop).foreign == 1


def test_any_of_several_owners_may_lead_to_the_target():
    links = {"uid-x": ()} | CHAIN
    assert count([pod(owners=(owner("x", "uid-x"), REPLICA_SET))], links=links).counted == 1


def test_names_decide_where_the_chain_cannot_be_read():
    for links in ({}, {"uid-rs": None}):
        assert count([pod()], links=links).counted == 1
    by_name = [
        (owner("web", "u", "StatefulSet"), 1),
        (owner("web-1", "u", "ReplicationController"), 0),
        (owner("web", "u", "ReplicaSet"), 1),
        (owner("web-a-b", "u", "ReplicaSet"), 0),
        (owner("web-", "u", "ReplicaSet"), 1),
    ]
    assert [count([pod(owners=(each,))], links={}).owned for each, _ in by_name] == [
        owned for _, owned in by_name
    ]


def test_the_count_is_capped_only_where_ownership_is_not_established():
    three = [pod(), pod(), pod()]
    assert count(three, status_replicas=2).counted == 3
    assert count(three, links={}, status_replicas=2).counted == 2
    trusted = Target("uid-web", "web", trusted=True)
    assert count(three, trusted, status_replicas=2).counted == 2
    assert count(three, trusted, status_replicas=5).counted == 3


def test_an_unreadable_owner_of_a_foreign_pod_leaves_the_count_of_ours_alone():
    stranger = pod(owners=(owner("stranger", "uid-stranger", "Job"),))
    counts = count([pod(), pod(), stranger], status_replicas=1)
    assert counts == PodCounts(listed=3, owned=2, ready=2, counted=2, foreign=1)


def test_a_trusted_selector_asks_nobody_for_owners():
    trusted = Target("uid-web", "web", trusted=True)
    stray = pod(owners=(owner("other", "uid-o"),))
    assert count([stray, pod(owners=())], trusted).counted == 2
    assert unread_owners([stray], trusted, {}) == set()


def test_owners_that_still_have_to_be_read():
    direct = pod(owners=(DEPLOYMENT,))
    assert unread_owners([pod(), direct, pod(owners=())], TARGET, {}) == {REPLICA_SET}
    assert unread_owners([pod()], TARGET, CHAIN) == set()
    middle = owner("middle", "uid-m")
    assert unread_owners([pod()], TARGET, {"uid-rs": (middle,)}) == {middle}
    assert unread_owners([pod()], TARGET, {"uid-rs": None}) == set()


def test_young_pods_do_not_count_but_are_available():
    pods = [
        pod(started=NOW - 30_000),
        pod(started=NOW - 29_999),
        pod(started=NOW + 5_000),
        pod(started=None),
    ]
    counts = count(pods, readiness_delay=30)
    assert counts == PodCounts(listed=4, owned=4, ready=4, counted=1, warming=3)
    assert available_percentage(counts) == 100
    assert count(pods).counted == 4


def test_a_capped_pod_is_not_a_warming_one():
    assert count([pod(), pod()], links={}, status_replicas=1, readiness_delay=10).warming == 0


def test_the_names_of_the_counted_pods():
    pods = [pod(name="old"), pod(name="young", started=NOW), pod(name="unready", ready=False)]
    pods.append(pod(name="foreign", owners=()))
    census = count_pods(pods, TARGET, CHAIN, now=NOW, readiness_delay=9, status_replicas=4)
    assert census.counted == {"old"}


def test_availability_is_cut_to_whole_percent():
    assert available_percentage(PodCounts(owned=3, ready=1)) == 33
    assert available_percentage(PodCounts(owned=3, ready=2)) == 66
    assert available_percentage(PodCounts()) == 0


KNOWN = Target("uid-web", "web", between=kinds_between("apps", "Deployment"))


def test_only_replica_sets_are_read_to_find_the_pods_of_a_deployment():
    above = owner("other", "uid-other", "Deployment")
    strangers = [
        pod(owners=(owner("web", "uid-job", "Job"),)),
        pod(owners=(owner("web", "uid-stateful", "StatefulSet"),)),
    ]
    assert unread_owners([pod(), *strangers], KNOWN, {}) == {REPLICA_SET}
    assert unread_owners([pod(), *strangers], KNOWN, {"uid-rs": (above,)}) == set()


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "Deployment"])
def test_an_owner_of_the_targets_name_that_cannot_be_its_own_is_a_stranger_for_sure(kind):
    stranger = pod(owners=(owner("web", "uid-namesake", kind),))
    counts = count([pod(), stranger], KNOWN, status_replicas=1)
    assert counts == PodCounts(listed=2, owned=1, ready=1, counted=1, foreign=1)


def test_behind_an_unread_owner_of_an_unknown_kind_of_target_anybody_may_stand():
    assert kinds_between("argoproj.io", "Rollout") is None
    found = pod(owners=(owner("web", "uid-namesake", "StatefulSet"),))
    assert count([found], links={}).owned == 1
