"""The adapter behind the real aggregator: values, discovery, OpenAPI, other people's clients."""

import json
from typing import Any

from tests.controlplane.kubectl import Kubectl
from tests.controlplane.waiting import eventually
from tests.e2e.daemons import Installation

ROOT = "/apis/external.metrics.k8s.io/v1beta1"


def values(kubectl: Kubectl, namespace: str, metric: str, selector: str = "") -> list[Any]:
    path = f"{ROOT}/namespaces/{namespace}/{metric}?labelSelector={selector}"
    found = json.loads(kubectl("get", "--raw", path))
    return [(item["metricLabels"].get("queue"), item["value"]) for item in found["items"]]


def test_metric_and_list_by_kubectl(installation: Installation, kubectl: Kubectl, namespace: str):
    installation.gauges.set("queue_depth", 30, namespace=namespace, queue="a")
    installation.gauges.set("queue_depth", 1.5, namespace=namespace, queue="b")
    installation.gauges.set("queue_depth", 7, namespace="elsewhere", queue="a")
    eventually(
        lambda: sorted(values(kubectl, namespace, "queue_depth")),
        lambda found: found == [("a", "30"), ("b", "1500m")],
    )
    assert values(kubectl, namespace, "queue_depth", "queue%3Da") == [("a", "30")]
    listed = json.loads(kubectl("get", "--raw", ROOT))
    assert [one["name"] for one in listed["resources"]] == ["queue_age_seconds", "queue_depth"]
