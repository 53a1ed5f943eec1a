"""The cluster that is played: namespaces, and in each some autoscalers with a Deployment and pods.

Objects are as long as those of real clusters: what is not looked at has to be read, too.
"""

from typing import Any

import msgspec
from msgspec import Struct

Json = dict[str, Any]

METRIC = "queue_backlog"
CREATED = "2026-01-01T00:00:00Z"


class Fleet(Struct, frozen=True):
    """How much there is."""

    namespaces: int = 200
    apps: int = 5
    """Autoscalers of each namespace, each with a Deployment and a selector of its own."""
    pods: int = 20
    """Pods of each Deployment."""

    @property
    def objects(self) -> int:
        """Autoscalers in all."""
        return self.namespaces * self.apps

    def places(self) -> list[tuple[str, str]]:
        """Namespace and name of each autoscaler, and of its Deployment."""
        return [
            (f"team-{space:03}", f"app-{app}")
            for space in range(self.namespaces)
            for app in range(self.apps)
        ]


def uid(kind: str, namespace: str, name: str) -> str:
    """An object's uid."""
    return f"{kind}-{namespace}-{name}"


def _managed(manager: str, names: list[str]) -> list[Json]:
    fields: Json = {f"f:{name}": {".": {}, "f:value": {}} for name in names}
    entry = {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": CREATED}
    return [{**entry, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}}]


def autoscaler(place: tuple[str, str], version: int, status: Json | None) -> Json:
    """A WatermarkPodAutoscaler on one External metric, between 100 and 1000 per replica."""
    namespace, name = place
    source = {
        "metricName": METRIC,
        "metricSelector": {"matchLabels": {"app": name}},
        "highWatermark": "1000",
        "lowWatermark": "100",
    }
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "algorithm": "average",
        "minReplicas": 5,
        "maxReplicas": 50,
        "downscaleDelayBelowWatermarkSeconds": 300,
        "minAvailableReplicaPercentage": 50,
        "metrics": [{"type": "External", "external": source}],
    }
    applied = msgspec.json.encode({"metadata": {"name": name}, "spec": spec}).decode()
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": uid("wpa", namespace, name),
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": CREATED,
        "labels": {"app": name, "team": namespace},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
        "managedFields": _managed("kubectl-client-side-apply", list(spec)),
    }
    made: Json = {
        "apiVersion": "datadoghq.com/v1alpha1",
        "kind": "WatermarkPodAutoscaler",
        "metadata": meta,
        "spec": spec,
    }
    return made | ({"status": status} if status else {})


def scale(place: tuple[str, str], pods: int) -> Json:
    """The scale of a Deployment."""
    namespace, name = place
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": uid("deployment", namespace, name),
        "resourceVersion": "1",
    }
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": meta,
        "spec": {"replicas": pods},
        "status": {"replicas": pods, "selector": f"app={name}"},
    }


def deployment(place: tuple[str, str]) -> Json:
    """A Deployment, as far as it is looked at: whether its count was left by a scaler."""
    namespace, name = place
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": uid("deployment", namespace, name),
        "managedFields": _managed("kubectl-client-side-apply", ["replicas"]),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}


def replica_set(place: tuple[str, str]) -> Json:
    """The ReplicaSet between a Deployment and its pods, as far as it is looked at."""
    namespace, name = place
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": True}
    meta = {
        "name": f"{name}-5d7c9b",
        "namespace": namespace,
        "uid": uid("rs", namespace, name),
        "ownerReferences": [owner | {"uid": uid("deployment", namespace, name)}],
    }
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": {}}


def pod(place: tuple[str, str], number: int) -> Json:
    """A Ready pod of about 4 kB."""
    namespace, name = place
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d7c9b"}
    meta = {
        "name": f"{name}-5d7c9b-{number:05}",
        "generateName": f"{name}-5d7c9b-",
        "namespace": namespace,
        "uid": uid("pod", namespace, f"{name}-{number}"),
        "resourceVersion": "1",
        "creationTimestamp": CREATED,
        "labels": {"app": name, "team": namespace, "pod-template-hash": "5d7c9b"},
        "ownerReferences": [owner | {"uid": uid("rs", namespace, name), "controller": True}],
        "managedFields": _managed("kubelet", [f"field-{index}" for index in range(30)]),
    }
    variables = [{"name": f"SETTING_{index}", "value": "x" * 40} for index in range(15)]
    container = {
        "name": "main",
        "image": "registry.example.org/team/app:1.2.3",
        "env": variables,
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": f"v{index}", "mountPath": f"/v/{index}"} for index in range(4)],
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": f"v{index}", "emptyDir": {}} for index in range(4)],
        "nodeName": f"node-{number}",
        "serviceAccountName": "default",
    }
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    passed = {"status": "True", "lastProbeTime": None, "lastTransitionTime": CREATED}
    running = {"running": {"startedAt": CREATED}}
    status = {
        "phase": "Running",
        "startTime": CREATED,
        "hostIP": "10.0.0.1",
        "podIP": "10.1.0.1",
        "conditions": [{"type": kind, **passed} for kind in kinds],
        "containerStatuses": [
            {"name": "main", "ready": True, "started": True, "restartCount": 0, "state": running}
        ],
    }
    return {"metadata": meta, "spec": spec, "status": status}
