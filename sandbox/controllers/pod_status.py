"""What a kubelet writes into a pod's status at each stage of its life. Pure."""

from typing import Any, Final

from kube.vocab.times import Millis, format_rfc3339
from sandbox.apiserver.kinds.conditions import with_condition
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.stamping import copied

_CREATING: Final = {"waiting": {"reason": "ContainerCreating"}}
_UNREADY: Final = ("Ready", "ContainersReady")


def accepted(pod: Object, now: Millis, address: str, *, start_time: bool) -> Object:
    """The kubelet has taken the pod: it has an address, its containers are being made."""
    status = _status(pod)
    status["phase"] = "Pending"
    status["hostIP"] = "127.0.0.1"
    status["podIP"] = address
    status["podIPs"] = [{"ip": address}]
    if start_time:
        status["startTime"] = format_rfc3339(now)
    status["conditions"] = with_condition(
        status.get("conditions"), "PodScheduled", True, "", "", now
    )
    status["conditions"] = with_condition(status["conditions"], "Initialized", True, "", "", now)
    _mark_ready(pod, status, now, ready=False)
    status["containerStatuses"] = [
        _container(item, _CREATING, ready=False) for item in _containers(pod)
    ]
    return status


def running(pod: Object, now: Millis) -> Object:
    """Its containers run."""
    status = _status(pod)
    status["phase"] = "Running"
    state = {"running": {"startedAt": format_rfc3339(now)}}
    status["containerStatuses"] = [
        _container(item, state, ready=False) for item in _containers(pod)
    ]
    return status


def ready(pod: Object, now: Millis) -> Object:
    """Its containers pass their readiness checks."""
    status = _status(pod)
    _mark_ready(pod, status, now, ready=True)
    for container in status.get("containerStatuses") or ():
        container["ready"] = True
    return status


def refused(pod: Object, message: str) -> Object:
    """The kubelet cannot make sense of the pod; it stays Pending and says why."""
    status = _status(pod)
    status.update({"reason": "InvalidAnnotation", "message": message})
    return status


def _mark_ready(pod: Object, status: Object, now: Millis, *, ready: bool) -> None:
    names = " ".join(item.get("name", "") for item in _containers(pod))
    reason = "" if ready else "ContainersNotReady"
    message = "" if ready else f"containers with unready status: [{names}]"
    for kind in _UNREADY:
        status["conditions"] = with_condition(
            status.get("conditions"), kind, ready, reason, message, now
        )


def _container(container: Object, state: Object, *, ready: bool) -> Object:
    return {
        "name": container.get("name", ""),
        "image": container.get("image", ""),
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def _containers(pod: Object) -> list[Any]:
    return pod["spec"].get("containers") or []


def _status(pod: Object) -> Object:
    return copied(pod.get("status") or {})
