"""Workloads for the stand-in kubelets, and what kubectl says of them."""

import json
from typing import Any

from tests.controlplane.kubectl import Kubectl

Json = dict[str, Any]


def deployment(name: str, replicas: int, **annotations: str) -> Json:
    """A Deployment of pods labelled `app`, with these annotations for their kubelet."""
    pod = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": "example.test/main:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": pod,
        },
    }


def apply(kubectl: Kubectl, *objects: Json) -> None:
    """`kubectl apply` them, in one go."""
    content = {"apiVersion": "v1", "kind": "List", "items": objects}
    kubectl("apply", "-f", "-", stdin=json.dumps(content))


def pods(kubectl: Kubectl, app: str) -> list[Json]:
    """The pods labelled `app`."""
    found = json.loads(kubectl("get", "pods", "-l", f"app={app}", "-o", "json"))
    items: list[Json] = found["items"]
    return items


def ready(pod: Json) -> Json:
    """The condition Ready of a pod."""
    conditions = pod["status"].get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {"status": "absent"})


def all_ready(found: list[Json], wanted: int) -> bool:
    """Whether these are `wanted` pods, each Ready."""
    return len(found) == wanted and all(ready(pod)["status"] == "True" for pod in found)
