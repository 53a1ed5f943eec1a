"""What the metrics say: External, Resource, both at once, and what is missing."""

from tests.controlplane.workloads import pods
from tests.e2e.scaler.bench import Bench
from tests.e2e.scaler.objects import autoscaler, external, resource, workload


def test_external_series_are_chosen_by_selector_and_added_up(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(250, queue="orders", shard="1")
    bench.show("150500m", queue="orders", shard="2")
    bench.show(90_000, queue="other", shard="1")
    bench.apply(autoscaler("web", external(queue="orders")))
    bench.await_replicas(5)
    bench.await_ready("web", 5)
    bench.await_rule("within_watermarks")
    (metric,) = bench.shown()["metrics"]
    assert (metric["sum"], metric["state"]) == ("400500m", "ok")


def test_stale_samples_are_no_evidence(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.external.set_aged(bench.namespace, "backlog", 5000, 600)
    bench.apply(autoscaler())
    active = bench.await_condition("ScalingActive", "False", "FailedGetExternalMetric")
    assert "s old, older than the maximum of 120 s" in active["message"]
    assert bench.replicas() == 2
    bench.show(500)
    bench.await_replicas(5)


def test_cpu_of_the_resource_metrics_api_scales_up_and_down(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.cluster.metrics.set_pods(bench.namespace, "app=web", cpu="1600m")
    bench.apply(autoscaler("web", resource("cpu", "800m", "400m"), maxReplicas=4))
    bench.await_replicas(4)
    bench.await_ready("web", 4)
    bench.cluster.metrics.set_pods(bench.namespace, "app=web", cpu="100m")
    bench.await_replicas(1)
    assert bench.denied() == []


def test_with_one_of_two_metrics_missing_growth_goes_ahead_and_shrinking_waits(bench: Bench):
    # D13: the missing one could only ask for more.
    bench.run(workload("Deployment", "web", 2))
    bench.show(400)
    bench.apply(autoscaler("web", external(), resource("cpu")))
    bench.await_replicas(4)
    bench.await_ready("web", 4)
    active = bench.await_condition("ScalingActive", "True", "ValidMetricFound")
    assert active["message"].endswith("from backlog{map[]} (unavailable: cpu: empty)")

    bench.show(40)
    shown = bench.await_rule("metric_unavailable")
    bench.let_evaluate(3)
    assert (shown["currentReplicas"], bench.replicas()) == (4, 4)

    bench.cluster.metrics.set_pods(bench.namespace, "app=web", cpu="50m")
    bench.await_replicas(1)


def test_with_two_metrics_the_one_that_asks_for_more_wins(bench: Bench):
    # E-03: the backlog would do with one, the cpu wants six.
    bench.run(workload("Deployment", "web", 3))
    bench.show(30)
    bench.cluster.metrics.set_pods(bench.namespace, "app=web", cpu="1600m")
    bench.apply(autoscaler("web", external(), resource("cpu"), maxReplicas=6))
    bench.await_replicas(6)
    (event,) = bench.events("Scaling")
    assert event["message"] == "New size: 6; reason: cpu{map[]} above target"


def test_pods_without_a_usage_sample_stop_what_they_could_refute(bench: Bench):
    # D7: a missing sample counts as no load when asking "above?", as a full one when asking
    # "below?".
    bench.run(workload("Deployment", "web", 4))
    measured = [pod["metadata"]["name"] for pod in pods(bench.kubectl, "web")][:2]
    bench.kubectl("label", "pods", *measured, "measured=yes")
    usage = {"namespace": bench.namespace, "selector": "measured=yes"}

    # The mean of those two is above the mark, but not that of all four.
    bench.cluster.metrics.set_pods(**usage, cpu="1")
    bench.apply(autoscaler("web", resource("cpu", "800m", "400m")))
    bench.await_rule("within_watermarks")
    bench.let_evaluate(2)
    assert bench.replicas() == 4
    # The mean of those two is below the mark, but not with the others at the high one.
    bench.cluster.metrics.set_pods(**usage, cpu="200m")
    bench.let_evaluate(3)
    assert (bench.shown()["rule"], bench.replicas()) == ("within_watermarks", 4)
    # What the two use is too much for all four: ceil(4000 / 800).
    bench.cluster.metrics.set_pods(**usage, cpu="2")
    bench.await_replicas(5)
