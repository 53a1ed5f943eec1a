"""A rolling update changes pods, not the count (E-05, K-09, R001-C)."""

from tests.controlplane.kubelets import READY_AFTER_SECONDS
from tests.controlplane.waiting import eventually
from tests.e2e.scaler.bench import Bench
from tests.e2e.scaler.objects import autoscaler, external, resource, workload


def test_surge_pods_of_a_rolling_update_scale_nothing(bench: Bench):
    web = workload("Deployment", "web", 5, **{READY_AFTER_SECONDS: "3"})
    web["spec"]["strategy"] = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0},
    }
    bench.run(web)
    # Just inside the marks, and no delay or tolerance that would forgive a wrong proposal.
    bench.show(500)
    bench.cluster.metrics.set_pods(bench.namespace, "app=web", cpu="600m")
    bench.apply(autoscaler("web", external("backlog", "101", "99"), resource(), tolerance="0"))
    bench.await_rule("within_watermarks")

    bench.kubectl("rollout", "restart", "deployment/web")
    counts: list[int] = []

    def rolled_out() -> bool:
        found = bench.cluster.rest.get(bench.path("apps/v1/deployments", "web"))
        counts.append(found["status"].get("replicas", 0))
        assert found["spec"]["replicas"] == 5
        status = found["status"]
        seen = status["observedGeneration"] == found["metadata"]["generation"]
        return bool(seen and status.get("updatedReplicas") == status.get("replicas") == 5)

    eventually(rolled_out)
    bench.let_evaluate(2)
    # There was a surge, it was looked at, and nothing came of it.
    assert max(counts) > 5, counts
    assert (bench.replicas(), bench.scale_writes(), bench.events("Scaling")) == (5, [], [])
