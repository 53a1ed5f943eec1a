"""DatadogMonitors as the Datadog operator keeps them, as far as the scaler looks at them."""

from typing import Any, Final

GROUP: Final = "datadoghq.com"
PLURAL: Final = "datadogmonitors"
ENABLED: Final = "wpa.datadoghq.com/lifecycle-control.enabled"

Object = dict[str, Any]


def definition() -> Object:
    """The CRD. Unlike the operator's it takes any status, so that tests can write what is wrong."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": anything, "status": anything},
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": "DatadogMonitor",
                "listKind": "DatadogMonitorList",
                "plural": PLURAL,
                "singular": "datadogmonitor",
            },
            "versions": [version],
        },
    }


def monitor(name: str, namespace: str = "", **status: Any) -> Object:
    """A monitor with that status, `monitorState="OK"`."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "DatadogMonitor",
        "metadata": metadata,
        "spec": {"type": "metric alert", "query": "avg(last_5m):avg:errors{*} > 1"},
        "status": status,
    }


def watched(wpa: Object, text: str = "true") -> Object:
    """The autoscaler with lifecycle control."""
    metadata = wpa["metadata"] | {"annotations": {ENABLED: text}}
    return wpa | {"metadata": metadata}
