"""Targets of every kind are scaled through their scale subresource, up and down."""

import json
from typing import Any

import pytest

from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply
from tests.e2e.daemons import MANIFESTS
from tests.e2e.scaler.bench import Bench
from tests.e2e.scaler.objects import autoscaler, definition, workload

ROLLOUTS = "argoproj.io/v1alpha1/rollouts"
CUSTOM_TARGET = MANIFESTS / "examples" / "custom-target-rbac.yaml"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_a_workload_is_scaled_up_and_down(bench: Bench, kind: str):
    resource = f"apps/v1/{kind.lower()}s"
    bench.run(workload(kind, "web", 2))
    bench.show(500)
    bench.apply(autoscaler(kind=kind))
    bench.await_replicas(5, resource=resource)
    bench.await_ready("web", 5)
    bench.show(120)
    bench.await_replicas(2, resource=resource)
    bench.await_ready("web", 2)
    status = eventually(bench.status, lambda found: found.get("currentReplicas") == 2)
    assert status["desiredReplicas"] == 2
    assert status["scalingEventsCount"] == 2
    sizes = [event["message"] for event in bench.events("Scaling")]
    assert sorted(sizes) == [
        "New size: 2; reason: All metrics below target",
        "New size: 5; reason: backlog{map[]} above target",
    ]
    assert bench.scale_writes() == [200, 200]
    assert bench.denied() == []


class Rollout:
    """A Rollout whose controller is the test: one ReplicaSet, which follows the count."""

    def __init__(self, bench: Bench, replicas: int) -> None:
        self._bench = bench
        bench.apply(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Rollout",
                "metadata": {"name": "web"},
                "spec": {"replicas": replicas},
            }
        )
        uid = bench.cluster.rest.get(bench.path(ROLLOUTS, "web"))["metadata"]["uid"]
        owner = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "name": "web",
            "uid": uid,
            "controller": True,
        }
        replica_set: dict[str, Any] = workload("ReplicaSet", "web", replicas)
        replica_set["metadata"] = {"name": "revision-of-today", "ownerReferences": [owner]}
        bench.apply(replica_set)
        self.follow(replicas)

    def follow(self, replicas: int) -> None:
        """Bring the pods to the count and say so in the status."""
        self._bench.kubectl("scale", "rs/revision-of-today", f"--replicas={replicas}")
        self._bench.await_ready("web", replicas)
        status = {"status": {"replicas": replicas, "selector": "app=web"}}
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps(status))
        self._bench.kubectl("patch", "rollout", "web", *patch)


def test_a_rollout_like_custom_resource_is_scaled_with_the_shipped_example_of_its_rights(
    bench: Bench,
):
    # The pods are owned by a ReplicaSet whose name tells nothing: only the uids lead to the target.
    bench.cluster.kubectl("apply", "-f", str(CUSTOM_TARGET))
    install(bench, definition("argoproj.io", "Rollout"))
    rollout = Rollout(bench, 2)
    bench.show(500)
    bench.apply(autoscaler(kind="Rollout", api_version="argoproj.io/v1alpha1"))
    bench.await_replicas(5, resource=ROLLOUTS)
    rollout.follow(5)
    bench.show(120)
    bench.await_replicas(2, resource=ROLLOUTS)
    assert bench.denied() == []


def test_a_target_whose_kind_is_installed_after_the_scaler_started_is_found(bench: Bench):
    rights = CUSTOM_TARGET.read_text().replace("argoproj.io", "late.example.test")
    rights = rights.replace("rollouts", "gadgets")
    bench.cluster.kubectl("apply", "-f", "-", stdin=rights)
    bench.show(500)
    bench.apply(autoscaler(kind="Gadget", api_version="late.example.test/v1alpha1"))
    active = bench.await_condition("AbleToScale", "False", "FailedProcessWPA")
    assert 'no matches for kind "Gadget" in group "late.example.test"' in active["message"]
    assert "is its CRD installed" in active["message"]

    install(bench, definition("late.example.test", "Gadget"))
    bench.apply(
        {
            "apiVersion": "late.example.test/v1alpha1",
            "kind": "Gadget",
            "metadata": {"name": "web"},
            "spec": {"replicas": 20},
        }
    )
    bench.await_replicas(10, resource="late.example.test/v1alpha1/gadgets")
    eventually(lambda: bench.status().get("scalingEventsCount") == 1)
    assert bench.condition("AbleToScale")["status"] == "True"
    assert bench.denied() == []


def install(bench: Bench, crd: dict[str, Any]) -> None:
    """Apply a CRD and wait until it is served."""
    apply(bench.cluster.kubectl, crd)
    name = crd["metadata"]["name"]
    bench.cluster.kubectl("wait", f"crd/{name}", "--for=condition=Established", "--timeout=150s")
