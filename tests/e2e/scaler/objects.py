"""The objects of the scaler's tests."""

from typing import Any, Final

from tests.controlplane.workloads import deployment

Json = dict[str, Any]

API_VERSION: Final = "datadoghq.com/v1alpha1"
KIND: Final = "WatermarkPodAutoscaler"
METRIC: Final = "backlog"


def autoscaler(
    name: str = "web",
    *metrics: Json,
    target: str = "web",
    kind: str = "Deployment",
    api_version: str = "apps/v1",
    **spec: Any,
) -> Json:
    """An autoscaler with bounds 1 and 10 that does what its metrics say within a second or two:
    the shortest windows, no delays, steps as large as can be. Without `metrics` it is `external()`.
    """
    own: Json = {
        "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": target},
        "algorithm": "average",
        "minReplicas": 1,
        "maxReplicas": 10,
        "scaleUpLimitFactor": "1000",
        "scaleDownLimitFactor": "99",
        "upscaleForbiddenWindowSeconds": 1,
        "downscaleForbiddenWindowSeconds": 1,
        "metrics": list(metrics) or [external()],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": own | spec,
    }


def external(metric: str = METRIC, high: str = "100", low: str = "50", **labels: str) -> Json:
    """An External metric: its marks are per replica."""
    block = {"metricName": metric, "highWatermark": high, "lowWatermark": low}
    selector = {"metricSelector": {"matchLabels": labels}} if labels else {}
    return {"type": "External", "external": block | selector}


def resource(name: str = "cpu", high: str = "800m", low: str = "400m") -> Json:
    """A Resource metric."""
    return {
        "type": "Resource",
        "resource": {"name": name, "highWatermark": high, "lowWatermark": low},
    }


def workload(kind: str, name: str, replicas: int, **annotations: str) -> Json:
    """A Deployment, StatefulSet or ReplicaSet of pods labelled `app`."""
    found = deployment(name, replicas, **annotations) | {"kind": kind}
    if kind == "StatefulSet":
        found["spec"] |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return found


def definition(group: str, kind: str, *, selector: bool = True) -> Json:
    """A CRD of a kind with a scale subresource, which may lack the selector of its pods."""
    plural = f"{kind.lower()}s"
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    if selector:
        scale["labelSelectorPath"] = ".status.selector"
    status = {"replicas": {"type": "integer"}, "selector": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
            "status": {"type": "object", "properties": status},
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}, "scale": scale},
                }
            ],
        },
    }
