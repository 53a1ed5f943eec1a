"""What comes before any metric: dry-run, a target at 0, a count out of its bounds."""

from tests.e2e.scaler.bench import Bench
from tests.e2e.scaler.objects import Json, autoscaler, workload


def test_dry_run_shows_what_it_would_do_and_does_nothing(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(500)
    bench.apply(autoscaler(dryRun=True))
    bench.await_condition("DryRun", "True", "DryRun mode enabled")
    bench.await_condition("AbleToScale", "True", "ReadyForScale")
    bench.let_evaluate(3)
    status = bench.status()
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 5)
    assert (status.get("lastScaleTime"), status["scalingEventsCount"]) == (None, 0)
    assert (bench.replicas(), bench.scale_writes()) == (2, [])
    assert bench.events("Scaling") == []


def test_a_target_at_zero_is_left_alone_until_somebody_starts_it(bench: Bench):
    bench.show(500)
    bench.apply(workload("Deployment", "web", 0), autoscaler(minReplicas=2))
    active = bench.await_condition("ScalingActive", "False", "ScalingDisabled")
    assert active["message"] == (
        "scaling is disabled since the replica count of the target is zero"
    )
    bench.let_evaluate(2)
    assert (bench.replicas(), bench.scale_writes()) == (0, [])
    bench.kubectl("scale", "deployment/web", "--replicas=2")
    bench.await_replicas(5)
    bench.await_condition("ScalingActive", "True", "ValidMetricFound")


def test_a_count_out_of_bounds_is_corrected_at_once_in_windows_and_without_metrics(bench: Bench):
    # D14, E-10.
    bench.run(workload("Deployment", "web", 3))
    bench.show(600)
    long: Json = {"upscaleForbiddenWindowSeconds": 3600, "downscaleForbiddenWindowSeconds": 3600}
    bench.apply(autoscaler(minReplicas=2, maxReplicas=5, **long))
    bench.await_replicas(5)
    bench.await_condition("AbleToScale", "False", "BackoffBoth")

    bench.kubectl("scale", "deployment/web", "--replicas=8")
    bench.await_replicas(5)
    with bench.external.broken(bench.namespace):
        bench.await_condition("ScalingActive", "False", "FailedGetExternalMetric")
        bench.kubectl("scale", "deployment/web", "--replicas=9")
        bench.await_replicas(5)
        bench.kubectl("scale", "deployment/web", "--replicas=1")
        bench.await_replicas(2)
        bench.let_evaluate(3)
        assert bench.replicas() == 2
    reasons = {event["message"].partition("reason: ")[2] for event in bench.events("Scaling")}
    assert reasons == {
        "backlog{map[]} above target",
        "Current number of replicas above Spec.MaxReplicas",
        "Current number of replicas below Spec.MinReplicas",
    }
