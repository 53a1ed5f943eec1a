"""The objects of the tests: row 000's Deployments with one selector, and autoscalers for them."""

from copy import deepcopy
from typing import Any

import yaml

from sandbox.controllers.pod_script import PREFIX
from sandbox.demo.shipped import manifests_folder

NAMESPACE = "forethought-kodo"
METRIC = "kodo_x_queue_backlog"
LABELS = {"app": "deployment-forethought-kodo-kodo-x"}
"""Pod labels of both Deployments."""

Object = dict[str, Any]


def shipped(path: str) -> list[Object]:
    """The documents of one of the project's manifests."""
    text = (manifests_folder() / path).read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


def split(name: str, **spec: Any) -> Object:
    """An autoscaler of the shipped example of the split, `kodo-x-metric` or `kodo-x-queue-only`."""
    found = next(one for one in shipped("examples/kodo-split.yaml") if named(one) == name)
    wpa = deepcopy(found)
    wpa["spec"].update(spec)
    return wpa


def autoscaler(name: str = "web", target: str = "", **spec: Any) -> Object:
    """A plain one: average, marks 100 and 1000, no delays, bounds 1 and 10, metric `backlog`."""
    wpa: Object = {
        "apiVersion": "datadoghq.com/v1alpha1",
        "kind": "WatermarkPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment"}
            | {"name": target or name},
            "minReplicas": 1,
            "maxReplicas": 10,
            "algorithm": "average",
            "tolerance": "0.01",
            "scaleUpLimitFactor": 100,
            "scaleDownLimitFactor": 50,
            "upscaleForbiddenWindowSeconds": 60,
            "downscaleForbiddenWindowSeconds": 300,
            "metrics": [external("backlog")],
        },
    }
    wpa["spec"].update(spec)
    return wpa


def external(metric: str, **labels: str) -> Object:
    """One entry of `spec.metrics` with marks 100 and 1000."""
    source: Object = {"metricName": metric, "highWatermark": "1000", "lowWatermark": "100"}
    if labels:
        source["metricSelector"] = {"matchLabels": labels}
    return {"type": "External", "external": source}


def deployment(
    name: str, replicas: int, labels: dict[str, str] | None = None, **script: str
) -> Object:
    """A Deployment; `ready_after="40s"` and its kin become annotations of its pods."""
    labels = labels or {"app": name}
    annotations = {PREFIX + key.replace("_", "-"): text for key, text in script.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(labels)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels), "annotations": annotations},
                "spec": {"containers": [{"name": "main", "image": "example.test/main"}]},
            },
        },
    }


def named(obj: Object) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])
