"""What is deleted while an evaluation looks at it is not scaled, and nobody else suffers."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.controlplane.kubelets import STATE
from tests.controlplane.waiting import eventually
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import METRIC, autoscaler, external, workload


@contextmanager
def mid_evaluation(bench: Bench) -> Iterator[None]:
    """An evaluation waits for its metric meanwhile; what it then reads asks for five replicas."""
    with bench.external.held(bench.namespace, METRIC):
        bench.show(500)
        yield


def running(bench: Bench, **fields: list[str]) -> None:
    """`web` is scaled by the held metric and within its marks; `other` has a metric of its own."""
    bench.run(workload("Deployment", "web", 2))
    bench.run(workload("Deployment", "other", 2))
    bench.show(150)
    bench.show(150, metric="free")
    wpa = autoscaler()
    wpa["metadata"] |= fields
    bench.apply(wpa, autoscaler("other", external("free"), target="other"))
    bench.await_rule("within_watermarks")
    bench.await_rule("within_watermarks", "other")


def others_go_on(bench: Bench) -> None:
    """The other autoscaler still scales; meanwhile the held evaluation has ended, too."""
    bench.show(300, metric="free")
    bench.await_replicas(3, "other")
    bench.let_evaluate(2, "other")


def test_an_autoscaler_deleted_during_its_evaluation_scales_nothing_more(bench: Bench):
    running(bench)
    with mid_evaluation(bench):
        bench.kubectl("delete", "wpa", "web")
        eventually(bench.shown, lambda shown: not shown)
    others_go_on(bench)
    assert bench.replicas() == 2
    assert bench.series("wpa_controller_min_replicas") is None


def test_an_autoscaler_that_others_hold_in_deletion_scales_nothing_more(bench: Bench):
    running(bench, finalizers=["example.test/hold"])
    with mid_evaluation(bench):
        bench.kubectl("delete", "wpa", "web", "--wait=false")
        eventually(lambda: bench.wpa()["metadata"].get("deletionTimestamp"))
        # By then the scaler has heard of it.
        bench.let_evaluate(1, "other")
    others_go_on(bench)
    assert bench.replicas() == 2
    # It takes off upstream's finalizer only.
    assert bench.wpa()["metadata"]["finalizers"] == ["example.test/hold"]
    bench.kubectl("patch", "wpa", "web", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    eventually(bench.wpa, lambda found: not found)


def test_a_target_deleted_during_the_evaluation_is_named_and_found_again(bench: Bench):
    running(bench)
    with mid_evaluation(bench):
        bench.kubectl("delete", "deployment", "web")
    (failed,) = eventually(lambda: bench.events("FailedScale"))
    assert '"web" not found' in failed["message"]
    able = bench.await_condition("AbleToScale", "False", "FailedProcessWPA")
    assert able["message"].endswith("scale not found")
    others_go_on(bench)
    bench.apply(workload("Deployment", "web", 2))
    bench.await_replicas(5)


def test_a_target_replaced_during_the_evaluation_is_not_scaled_by_what_was_seen_of_the_old_one(
    bench: Bench,
):
    running(bench)
    with mid_evaluation(bench):
        bench.kubectl("delete", "deployment", "web")
        # Pods that are never Ready: an evaluation of the new one would hold.
        bench.apply(workload("Deployment", "web", 2, **{STATE: "unready"}))
    (failed,) = eventually(lambda: bench.events("FailedScale"))
    assert "was replaced by another object of its name" in failed["message"]
    others_go_on(bench)
    assert bench.replicas() == 2


def test_a_namespace_deleted_during_an_evaluation_goes_away_and_others_are_scaled_on(
    bench: Bench, second: Bench
):
    running(bench)
    second.run(workload("Deployment", "web", 2))
    second.show(150)
    second.apply(autoscaler())
    second.await_rule("within_watermarks")
    with mid_evaluation(bench):
        bench.kubectl("delete", "namespace", bench.namespace, "--wait=false")
        eventually(bench.shown, lambda shown: not shown, within=WITHIN)
    second.show(300)
    second.await_replicas(3)
    gone = f"namespace/{bench.namespace}"
    eventually(
        lambda: bench.cluster.kubectl("get", "namespaces", "-o", "name").split(),
        lambda names: gone not in names,
        within=WITHIN,
    )
    assert [code for code in bench.scale_writes() if code < 300] == []


def test_an_autoscaler_in_a_namespace_being_deleted_is_left_alone(bench: Bench, second: Bench):
    # Somebody's finalizer keeps both there: the namespace is Terminating, events are refused.
    running(bench, finalizers=["example.test/hold"])
    bench.cluster.kubectl("delete", "namespace", bench.namespace, "--wait=false")
    eventually(lambda: bench.wpa()["metadata"].get("deletionTimestamp"), within=WITHIN)
    bench.show(900)
    second.run(workload("Deployment", "web", 2))
    second.show(300)
    second.apply(autoscaler())
    second.await_replicas(3)
    second.let_evaluate(2)
    assert bench.scale_writes() == []
    bench.kubectl("patch", "wpa", "web", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    eventually(bench.wpa, lambda found: not found, within=WITHIN)
