"""What a Deployment's status says about its ReplicaSets. Pure."""

from collections.abc import Sequence
from typing import Any

from kube.vocab.times import Millis
from sandbox.apiserver.kinds.conditions import with_condition
from sandbox.apiserver.kinds.resources import Object
from sandbox.controllers.rollout import limits_of


def deployment_status(
    deployment: Object, new: Object | None, old: Sequence[Object], now: Millis
) -> Object:
    """The status as of now; counts of 0 are left out, as Kubernetes does."""
    everything = [item for item in (new, *old) if item is not None]
    available = _sum(everything, "availableReplicas")
    wanted = sum(item["spec"]["replicas"] for item in everything)
    counts = {
        "replicas": _sum(everything, "replicas"),
        "updatedReplicas": _sum([new] if new is not None else [], "replicas"),
        "readyReplicas": _sum(everything, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    status: dict[str, Any] = {"observedGeneration": deployment["metadata"]["generation"]}
    status.update({name: count for name, count in counts.items() if count})
    status["conditions"] = _conditions(deployment, new, counts, now)
    return status


def _conditions(
    deployment: Object, new: Object | None, counts: dict[str, int], now: Millis
) -> list[Object]:
    spec, name = deployment["spec"], deployment["metadata"]["name"]
    stored = (deployment.get("status") or {}).get("conditions")
    replicas: int = spec["replicas"]
    unavailable = 0
    if (spec.get("strategy") or {}).get("type") != "Recreate":
        unavailable = limits_of(spec.get("strategy") or {}, replicas).unavailable
    if counts["availableReplicas"] >= replicas - unavailable:
        reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
    else:
        reason = "MinimumReplicasUnavailable"
        message = "Deployment does not have minimum availability."
    found = with_condition(
        stored, "Available", reason == "MinimumReplicasAvailable", reason, message, now
    )
    if spec.get("paused"):
        return with_condition(
            found, "Progressing", False, "DeploymentPaused", "Deployment is paused", now
        )
    about = name if new is None else new["metadata"]["name"]
    if _is_complete(replicas, counts):
        reason, outcome = "NewReplicaSetAvailable", "has successfully progressed"
    else:
        reason, outcome = "ReplicaSetUpdated", "is progressing"
    message = f'ReplicaSet "{about}" {outcome}.'
    return with_condition(found, "Progressing", True, reason, message, now)


def _is_complete(replicas: int, counts: dict[str, int]) -> bool:
    parts = ("updatedReplicas", "replicas", "availableReplicas")
    return all(counts[part] == replicas for part in parts)


def _sum(replicasets: Sequence[Object], field: str) -> int:
    return sum((item.get("status") or {}).get(field) or 0 for item in replicasets)
