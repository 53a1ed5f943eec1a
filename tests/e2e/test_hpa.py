"""A real HorizontalPodAutoscaler lives on our metrics."""

import json

from tests.controlplane.kubectl import Kubectl
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import Json, all_ready, apply, deployment, pods
from tests.e2e.daemons import Installation

WITHIN = 180.0
"""The controller looks every second, but pods have to come up on a busy machine."""


def hpa(target: Json, *, metric: str = "queue_depth", queue: str = "a", replicas: int = 8) -> Json:
    """One that scales Deployment web by the series of one queue."""
    identifier = {"name": metric, "selector": {"matchLabels": {"queue": queue}}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": replicas,
            "metrics": [{"type": "External", "external": {"metric": identifier, "target": target}}],
        },
    }


def status(kubectl: Kubectl) -> Json:
    found: Json = json.loads(kubectl("get", "hpa", "web", "-o", "json")).get("status", {})
    return found


def condition(kubectl: Kubectl, kind: str) -> tuple[str, str, str]:
    conditions = status(kubectl).get("conditions") or []
    found: Json = next((one for one in conditions if one["type"] == kind), {})
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def current(kubectl: Kubectl) -> Json:
    """What the HPA says it read."""
    (metric,) = status(kubectl)["currentMetrics"]
    found: Json = metric["external"]["current"]
    return found


def replicas(kubectl: Kubectl) -> int:
    return int(json.loads(kubectl("get", "deployment", "web", "-o", "json"))["spec"]["replicas"])


def test_value_scales_up_by_the_sum_of_the_selected_series(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    gauges = installation.gauges
    gauges.set("queue_depth", 18, namespace=namespace, queue="a", shard="1")
    gauges.set("queue_depth", 12.5, namespace=namespace, queue="a", shard="2")
    gauges.set("queue_depth", 1000, namespace=namespace, queue="b")
    apply(kubectl, deployment("web", 1), hpa({"type": "Value", "value": "10"}))
    # One pod ready: ceil(30.5 / 10).
    eventually(lambda: replicas(kubectl), lambda count: count >= 4, within=WITHIN)
    # Within the tolerance of 10 % nothing moves any more.
    gauges.set("queue_depth", 9.5, namespace=namespace, queue="a", shard="1")
    gauges.set("queue_depth", 0, namespace=namespace, queue="a", shard="2")
    eventually(lambda: current(kubectl), lambda found: found["value"] == "9500m", within=WITHIN)
    held = replicas(kubectl)
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, held), within=WITHIN)
    assert condition(kubectl, "ScalingActive")[:2] == ("True", "ValidMetricFound")
    assert replicas(kubectl) == held


def test_average_value_scales_up_to_the_sum_over_the_average(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    installation.gauges.set("queue_depth", 45, namespace=namespace, queue="a")
    apply(kubectl, deployment("web", 1), hpa({"type": "AverageValue", "averageValue": "10"}))
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 5), within=WITHIN)
    eventually(
        lambda: current(kubectl).get("averageValue"), lambda found: found == "9", within=WITHIN
    )
    assert condition(kubectl, "ScalingActive")[:2] == ("True", "ValidMetricFound")
    assert replicas(kubectl) == 5


def test_missing_metric_holds_the_count_and_says_so(
    installation: Installation, kubectl: Kubectl, namespace: str
):
    installation.gauges.set("queue_depth", 30, namespace=namespace, queue="a")
    apply(kubectl, deployment("web", 1), hpa({"type": "AverageValue", "averageValue": "10"}))
    eventually(lambda: pods(kubectl, "web"), lambda found: all_ready(found, 3), within=WITHIN)

    installation.gauges.remove("queue_depth", namespace=namespace, queue="a")
    _, _, message = eventually(
        lambda: condition(kubectl, "ScalingActive"),
        lambda found: found[:2] == ("False", "FailedGetExternalMetric"),
        within=WITHIN,
    )
    assert "no metrics returned from external metrics API" in message
    assert replicas(kubectl) == 3

    unknown = hpa({"type": "AverageValue", "averageValue": "1"}, metric="no_such_metric")
    apply(kubectl, unknown)
    _, reason, message = eventually(
        lambda: condition(kubectl, "ScalingActive"),
        lambda found: "no_such_metric" in found[2],
        within=WITHIN,
    )
    assert reason == "FailedGetExternalMetric"
    assert "the server could not find the metric no_such_metric" in message
    assert replicas(kubectl) == 3

    installation.gauges.set("queue_depth", 40, namespace=namespace, queue="a")
    apply(kubectl, hpa({"type": "AverageValue", "averageValue": "10"}))
    eventually(lambda: replicas(kubectl), lambda count: count == 4, within=WITHIN)
