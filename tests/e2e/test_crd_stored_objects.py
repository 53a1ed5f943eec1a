"""Objects that are older than the CRD's rules: stored under a CRD like upstream's, which ours
replaces in place (D21, D28). What an update leaves as it was is not held against it: that is so
from Kubernetes 1.30 on.
"""

from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl, KubectlFailed
from tests.controlplane.workloads import Json
from tests.e2e.crds import OwnGroup
from tests.e2e.scaler.objects import autoscaler, external
from tests.e2e.scaler.upstream import FINALIZER, INVALID

PROBE = INVALID["nothing"][0]
STATUS: Json = {
    "currentReplicas": 3,
    "desiredReplicas": 3,
    "conditions": [{"type": "AbleToScale", "status": "False", "reason": "FailedSpecCheck"}],
}
OF_THE_SPEC = {"nothing", "unbounded"}
"""What a rule about several fields refuses: it is the spec's, so any change of the spec asks it."""


@pytest.fixture
def lax(cluster: ControlPlane, kubectl: Kubectl) -> Iterator[OwnGroup]:
    own = OwnGroup(cluster, kubectl)
    own.install_lax()
    yield own
    own.remove()


def test_objects_that_break_rules_take_a_status_labels_and_unrelated_edits(lax: OwnGroup):
    for wpa, _ in INVALID.values():
        stored = deepcopy(wpa)
        stored["metadata"]["finalizers"] = [FINALIZER]
        lax.create(stored)
    lax.upgrade(PROBE)
    edited = {}
    for name in INVALID:
        lax.patch(name, {"status": STATUS}, "--subresource=status")
        lax.patch(name, {"metadata": {"labels": {"team": "a"}, "annotations": {"note": "old"}}})
        lax.patch(name, {"metadata": {"finalizers": None}})
        found = lax.get(name)
        assert found["status"]["currentReplicas"] == 3
        assert found["metadata"]["labels"] == {"team": "a"}
        assert "finalizers" not in found["metadata"]
        assert found["metadata"]["generation"] == 1
        edited[name] = _takes(lax, name, {"spec": {"dryRun": True}})
    assert {name for name, taken in edited.items() if not taken} == OF_THE_SPEC


def test_a_broken_part_is_held_against_who_touches_it_until_it_is_mended(lax: OwnGroup):
    lax.create(INVALID["crossed"][0])
    lax.upgrade(PROBE)
    with pytest.raises(KubectlFailed, match="low watermark must not be greater than the high"):
        lax.patch("crossed", {"spec": {"metrics": [external(high="6", low="50")]}})
    lax.patch("crossed", {"spec": {"metrics": [external(high="60", low="50")]}})
    assert lax.get("crossed")["metadata"]["generation"] == 2


def test_an_object_without_a_maximum_is_mended_together_with_any_other_change(lax: OwnGroup):
    lax.create(INVALID["unbounded"][0])
    lax.upgrade(PROBE)
    with pytest.raises(KubectlFailed, match="maxReplicas is required"):
        lax.patch("unbounded", {"spec": {"minReplicas": 2}})
    lax.patch("unbounded", {"spec": {"minReplicas": 2, "maxReplicas": 4}})


def test_old_objects_are_read_with_defaults_and_are_not_changed_by_it(lax: OwnGroup):
    wpa = autoscaler("old")
    for field in ("minReplicas", "algorithm", "scaleUpLimitFactor", "scaleDownLimitFactor"):
        del wpa["spec"][field]
    made = lax.create(wpa)
    assert "tolerance" not in made["spec"]
    lax.upgrade(PROBE)
    found = lax.get("old")
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    added = {key: value for key, value in found["spec"].items() if key not in made["spec"]}
    assert added == {
        "minReplicas": 1,
        "algorithm": "absolute",
        "tolerance": "100m",
        "scaleUpLimitFactor": 50,
        "scaleDownLimitFactor": 20,
        "replicaScalingAbsoluteModulo": 1,
        "dryRun": False,
        "tolerateZero": False,
    }


def _takes(lax: OwnGroup, name: str, change: Json) -> bool:
    try:
        lax.patch(name, change)
    except KubectlFailed as error:
        if "is invalid" not in error.stderr:
            raise
        return False
    return True
