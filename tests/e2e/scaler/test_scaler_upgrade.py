"""The CRD is upgraded in place from upstream's, with objects stored that ours would refuse."""

from collections.abc import Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.rest import Refused
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply
from tests.e2e.daemons import rendered
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import Json, autoscaler, workload
from tests.e2e.scaler.upstream import FINALIZER, INVALID, as_upstream


def ours(cluster: ControlPlane) -> Json:
    """The CRD that the manifests ship."""
    (found,) = (
        one for one in rendered(cluster, "crd") if one["kind"] == "CustomResourceDefinition"
    )
    return found


def takes(bench: Bench, wpa: Json) -> bool:
    """Whether the API server would store `wpa`."""
    path = f"/apis/datadoghq.com/v1alpha1/namespaces/{bench.namespace}/watermarkpodautoscalers"
    try:
        bench.cluster.rest.post(f"{path}?dryRun=All", wpa)
    except Refused as error:
        if error.code != 422:
            raise
        return False
    return True


def upgrade(bench: Bench) -> None:
    """From upstream's CRD to ours, once it is in force."""
    apply(bench.cluster.kubectl, ours(bench.cluster))
    crossed = INVALID["crossed"][0] | {"metadata": {"name": "probe"}}
    eventually(lambda: takes(bench, crossed), lambda taken: not taken, within=WITHIN)


@pytest.fixture
def lax(bench: Bench) -> Iterator[Bench]:
    """Upstream's CRD is in force; afterwards ours is again, whatever happened."""
    apply(bench.cluster.kubectl, as_upstream(ours(bench.cluster)))
    crossed = INVALID["crossed"][0] | {"metadata": {"name": "probe"}}
    eventually(lambda: takes(bench, crossed), within=WITHIN)
    yield bench
    upgrade(bench)


def store(bench: Bench, *wpas: Json) -> None:
    """As clients did that asked no questions."""
    path = f"/apis/datadoghq.com/v1alpha1/namespaces/{bench.namespace}/watermarkpodautoscalers"
    for wpa in wpas:
        bench.cluster.rest.post(path, wpa)


def test_stored_objects_that_break_our_rules_get_a_condition_and_hinder_nobody(lax: Bench):
    lax.run(workload("Deployment", "web", 2))
    lax.show(500)
    store(lax, *(wpa for wpa, _ in INVALID.values()), autoscaler("valid"))
    upgrade(lax)
    lax.seat.restart()
    lax.await_replicas(5)
    for name, (_, text) in INVALID.items():
        able = lax.await_condition("AbleToScale", "False", "FailedSpecCheck", name)
        assert able["message"].startswith(f"Invalid WPA specification: {text}"), name
        assert lax.condition("ScalingActive", name)["status"] == "False"
    lax.show(60)
    lax.await_replicas(1)
    lax.kubectl("delete", "wpa", *INVALID, "--timeout=150s")


def test_a_maximum_beyond_int32_is_told_and_never_scales(lax: Bench):
    # D28, U46: upstream's CRD lets it through, and then its controller can read no object at all.
    lax.run(workload("Deployment", "web", 2))
    lax.show(500)
    store(lax, autoscaler("huge", maxReplicas=2_147_483_648))
    upgrade(lax)
    lax.await_condition("AbleToScale", "False", "FailedSpecCheck", "huge")
    assert "maxReplicas" in lax.condition("AbleToScale", "huge")["message"]
    assert lax.replicas() == 2
    lax.kubectl("delete", "wpa", "huge", "--timeout=150s")


def test_an_object_of_upstream_is_scaled_unchanged_and_loses_its_finalizer_only_in_deletion(
    lax: Bench,
):
    # D21. The second one breaks a rule of ours, which must not keep it from going.
    lax.run(workload("Deployment", "web", 2))
    lax.show(500)
    written, broken = autoscaler("written"), INVALID["crossed"][0]
    for wpa in (written, broken):
        store(lax, wpa | {"metadata": wpa["metadata"] | {"finalizers": [FINALIZER]}})
    before = {name: lax.wpa(name) for name in ("written", "crossed")}
    upgrade(lax)
    lax.await_replicas(5)
    lax.await_condition("AbleToScale", "False", "FailedSpecCheck", "crossed")
    for name, wpa in before.items():
        now = lax.wpa(name)
        # What is more there now are defaults, which the server shows of its own accord.
        assert now["spec"] | wpa["spec"] == now["spec"]
        assert now["metadata"]["finalizers"] == [FINALIZER]
        assert now["metadata"]["generation"] == wpa["metadata"]["generation"]
    lax.kubectl("delete", "wpa", "written", "crossed", "--timeout=150s")
    assert (lax.wpa("written"), lax.wpa("crossed")) == ({}, {})


def test_memory_that_upstream_left_in_a_status_is_honoured(lax: Bench):
    lax.seat.end()
    lax.run(workload("Deployment", "web", 2))
    lax.show(500)
    store(lax, autoscaler(upscaleForbiddenWindowSeconds=3600))
    now = lax.kubectl("get", "wpa", "web", "-o", "jsonpath={.metadata.creationTimestamp}")
    status = {
        "currentReplicas": 2,
        "desiredReplicas": 2,
        "lastScaleTime": now,
        "scalingEventsCount": 41,
    }
    lax.set_status(status)
    upgrade(lax)
    lax.seat.restart()
    lax.await_condition("AbleToScale", "False", "BackoffUpscale")
    lax.let_evaluate(3)
    assert (lax.replicas(), lax.scale_writes()) == (2, [])
    assert (lax.status()["lastScaleTime"], lax.status()["scalingEventsCount"]) == (now, 41)
