"""Two writers on one target are told, and scaling goes on (E-09, D37)."""

from tests.controlplane.waiting import eventually
from tests.e2e.scaler.bench import Bench
from tests.e2e.scaler.objects import autoscaler, workload

GAUGE = "wpa_scaler_conflicting_controllers"


def test_an_hpa_on_the_same_target_is_told_and_scaling_goes_on(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.run(workload("Deployment", "quiet", 2))
    bench.kubectl("autoscale", "deployment/web", "--name=cpu", "--cpu=80%", "--min=1", "--max=10")
    bench.show(500)
    bench.apply(autoscaler(), autoscaler("quiet", target="quiet", dryRun=True))
    (event,) = eventually(lambda: bench.events("ConflictingController"))
    assert event["type"] == "Warning"
    assert event["message"] == (
        f"the replica count of Deployment/{bench.namespace}/web is also set by "
        "HorizontalPodAutoscaler cpu: they work against each other; delete all but one of them, "
        "or set dryRun on this one"
    )
    bench.await_replicas(5)
    bench.let_evaluate(3)
    assert (bench.series(GAUGE), bench.series(GAUGE, "quiet")) == (1, 0)
    assert len(bench.events("ConflictingController")) == 1
    listed = [event for event in bench.asked() if event.object_ref
              and event.object_ref.resource == "horizontalpodautoscalers"]  # fmt: skip
    assert [(event.verb, event.code) for event in listed] == [("list", 200)]
    assert bench.denied() == []


def test_two_autoscalers_on_one_target_are_told_until_one_is_gone(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(150)
    bench.apply(autoscaler("one"), autoscaler("two"), autoscaler("trial", dryRun=True))
    both = {"one": "two", "two": "one"}
    told = eventually(
        lambda: [
            event["message"]
            for name in both
            for event in bench.events("ConflictingController", name)
        ],
        lambda messages: len(messages) == 2,
    )
    for message, other in zip(told, both.values(), strict=True):
        assert f"is also set by WatermarkPodAutoscaler {other}:" in message
    assert [bench.series(GAUGE, name) for name in both] == [1, 1]
    assert bench.events("ConflictingController", "trial") == []
    bench.kubectl("delete", "wpa", "two")
    eventually(lambda: bench.series(GAUGE, "one"), lambda value: value == 0)
