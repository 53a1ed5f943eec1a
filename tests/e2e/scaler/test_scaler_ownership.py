"""Whose pods count: only the target's own, by uid, whatever else its selector matches."""

from typing import Any

import pytest

from tests.controlplane.kubelets import STATE
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import all_ready
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import autoscaler, external, resource, workload


def sharing(name: str, replicas: int, kind: str = "Deployment", **annotations: str) -> Any:
    """A workload of pods labelled `app: shared`, and `of` its own name and kind besides."""
    found = workload(kind, name, replicas, **annotations)
    found["spec"]["selector"] = {"matchLabels": {"app": "shared"}}
    found["spec"]["template"]["metadata"]["labels"] = {"app": "shared", "of": f"{kind}.{name}"}
    return found


def run(bench: Bench, manifest: Any, *, ready: bool = True) -> None:
    """Apply one of those and wait for its pods."""
    bench.apply(manifest)
    label = manifest["spec"]["template"]["metadata"]["labels"]["of"]
    spec = manifest["spec"]
    wanted = spec["parallelism"] if manifest["kind"] == "Job" else spec["replicas"]
    path = f"/api/v1/namespaces/{bench.namespace}/pods?labelSelector=of%3D{label}"
    eventually(
        lambda: bench.cluster.rest.get(path)["items"],
        lambda found: all_ready(found, wanted) if ready else len(found) == wanted,
        within=WITHIN,
    )


def test_two_autoscalers_of_deployments_on_one_selector_move_only_their_own(bench: Bench):
    # K-02: two consumers of one queue, each with a value of its own.
    for name, backlog in (("first", 300), ("second", 300)):
        run(bench, sharing(name, 4))
        bench.show(backlog, consumer=name)
        bench.apply(autoscaler(name, external(consumer=name), target=name))
    for name in ("first", "second"):
        bench.await_rule("within_watermarks", name)
    bench.show(700, consumer="first")
    bench.await_replicas(7, "first")
    bench.let_evaluate(3, "second")
    assert bench.replicas("second") == 4
    assert bench.shown("second")["countedPods"] == 4
    assert bench.denied() == []


def test_pods_of_another_deployment_on_the_selector_count_neither_as_ready_nor_as_unavailable(
    bench: Bench,
):
    # R000-C: were the four unready pods counted, 3 of 7 would be less than 60 % available.
    run(bench, sharing("kodo-x", 3))
    run(bench, sharing("kodo-x-metric", 4, **{STATE: "unready"}), ready=False)
    bench.show(600)
    bench.apply(autoscaler(target="kodo-x", minAvailableReplicaPercentage=60))
    bench.await_replicas(6, "kodo-x")
    assert bench.replicas("kodo-x-metric") == 4
    assert bench.denied() == []


def test_usage_of_another_deployments_pods_does_not_enter_the_sum(bench: Bench):
    # K-03: the others' pods are hot, the target's are not.
    run(bench, sharing("calm", 2))
    run(bench, sharing("hot", 2))
    bench.cluster.metrics.set_pods(bench.namespace, "of=Deployment.calm", cpu="500m")
    bench.cluster.metrics.set_pods(bench.namespace, "of=Deployment.hot", cpu="5")
    bench.apply(autoscaler("calm", resource(), target="calm"))
    bench.await_rule("within_watermarks", "calm")
    bench.let_evaluate(2, "calm")
    (metric,) = bench.shown("calm")["metrics"]
    assert (metric["value"], bench.replicas("calm")) == ("500m", 2)


@pytest.mark.parametrize("kind", ["StatefulSet", "Job"])
def test_an_owner_of_the_targets_name_but_of_another_kind_is_somebody_else(bench: Bench, kind: str):
    # By name its unready pods would be the target's: 2 of 4 would be less than 60 % available.
    run(bench, sharing("web", 2))
    run(bench, namesake(kind), ready=False)
    bench.show(300)
    bench.apply(autoscaler(minAvailableReplicaPercentage=60))
    bench.await_replicas(3)
    assert bench.denied() == []


def namesake(kind: str) -> Any:
    """A StatefulSet or Job of the name `web` whose two pods are not Ready."""
    found = sharing("web", 2, kind, **{STATE: "unready"})
    if kind == "Job":
        found["apiVersion"] = "batch/v1"
        pod = found["spec"]["template"]
        pod["spec"]["restartPolicy"] = "Never"
        found["spec"] = {"parallelism": 2, "completions": 2, "template": pod}
    return found
