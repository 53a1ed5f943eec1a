"""The Kubernetes objects of the demo, in the order in which they are applied."""

import base64
import copy
from typing import Any, Final

from sandbox.demo.load import NAMESPACE
from sandbox.demo.shipped import Manifest, read_manifests
from sandbox.demo.timing import WINDOWS

SYSTEM_NAMESPACE: Final = "watermark-autoscaler"
ADAPTER: Final = "wpa-adapter"
SCALER: Final = "wpa-scaler"
ADAPTER_HOST: Final = f"{ADAPTER}.{SYSTEM_NAMESPACE}.svc"
"""Name that the API server expects in the adapter's certificate."""

POD_LABELS: Final = {"app": "deployment-forethought-kodo-kodo-x"}
"""Shared by both Deployments, as in the split that the demo replays (scenario K-03)."""


def definitions() -> list[Manifest]:
    """The CRD and the roles of its users."""
    return [
        *read_manifests("crd/datadoghq.com_watermarkpodautoscalers.yaml"),
        *read_manifests("crd/user-roles.yaml"),
    ]


def identities() -> list[Manifest]:
    """Namespaces, and the ServiceAccounts of both daemons with exactly their shipped rights."""
    return [
        *read_manifests("namespace/namespace.yaml"),
        _namespace(NAMESPACE),
        _namespace("middleware"),
        *read_manifests("adapter/service-account.yaml"),
        *read_manifests("adapter/rbac.yaml"),
        *read_manifests("adapter/reader-roles.yaml"),
        *read_manifests("scaler/service-account.yaml"),
        *read_manifests("scaler/rbac.yaml"),
    ]


def aggregation(port: int, ca_pem: bytes) -> list[Manifest]:
    """The adapter behind the API server: a Service that leads to this machine, and the APIService.

    Unlike the shipped one the API server checks the adapter's certificate.
    """
    (service,) = read_manifests("adapter/service.yaml")
    service["spec"] = {
        "type": "ExternalName",
        "externalName": "localhost",
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
    (api_service,) = read_manifests("adapter/api-service.yaml")
    spec = api_service["spec"]
    spec.pop("insecureSkipTLSVerify", None)
    spec["caBundle"] = base64.b64encode(ca_pem).decode()
    spec["service"]["port"] = port
    return [service, api_service]


def consumers() -> list[Manifest]:
    """Both Deployments at the lower bound of their autoscalers."""
    return [_deployment("kodo-x", 3), _deployment("kodo-x-metric", 2)]


def autoscalers() -> list[Manifest]:
    """The shipped example of the split, with shortened delays and windows."""
    shortened = copy.deepcopy(read_manifests("examples/kodo-split.yaml"))
    for autoscaler in shortened:
        autoscaler["spec"].update(WINDOWS.fields())
    return shortened


def _namespace(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _deployment(name: str, replicas: int) -> Manifest:
    container: dict[str, Any] = {
        "name": "kodo-x",
        "image": "kodo-x:demo",
        "resources": {"requests": {"cpu": "500m"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(POD_LABELS)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(POD_LABELS)},
            "template": {
                "metadata": {"labels": dict(POD_LABELS)},
                "spec": {"containers": [container]},
            },
        },
    }
