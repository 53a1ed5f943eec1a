"""What controllers know of pods: how one is made, whether it counts, which one goes first. Pure."""

from typing import Any, Final

from kube.vocab.times import SECOND, Millis, parse_rfc3339
from sandbox.apiserver.kinds.conditions import condition_of, holds
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.stamping import copied
from sandbox.controllers.owners import owner_reference

_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_DONE: Final = ("Succeeded", "Failed")
_PHASES: Final = ("Pending", "Unknown", "Running")


def new_pod(owner: Object, *, name: str = "", labels: dict[str, str] | None = None) -> Object:
    """A pod from the template of `owner`: named `name`, or after its owner and five letters."""
    template = copied(owner["spec"]["template"])
    meta = template.get("metadata") or {}
    given = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
    return {
        "metadata": {
            **given,
            "labels": {**(meta.get("labels") or {}), **(labels or {})},
            "annotations": meta.get("annotations") or {},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template.get("spec") or {},
    }


def is_terminating(pod: Object) -> bool:
    """Whether somebody has deleted it."""
    return "deletionTimestamp" in pod["metadata"]


def is_done(pod: Object) -> bool:
    """Whether its containers have ended for good."""
    return phase(pod) in _DONE


def is_active(pod: Object) -> bool:
    """Whether it counts as one of its owner's replicas."""
    return not is_terminating(pod) and not is_done(pod)


def is_ready(pod: Object) -> bool:
    """Whether its Ready condition holds."""
    return holds(pod, "Ready")


def phase(pod: Object) -> str:
    """`status.phase`."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def available_in(pod: Object, min_ready_seconds: int, now: Millis) -> float | None:
    """Seconds until it has been Ready long enough, 0 when it has; None while it is not Ready."""
    if not is_ready(pod):
        return None
    return max(0, _ready_since(pod) + min_ready_seconds * SECOND - now) / SECOND


def removal_order(pod: Object) -> tuple[Any, ...]:
    """A sort key: what a downscale removes first is smallest.

    Unscheduled, then not running, then not Ready, then the cheaper deletion cost, then Ready for
    the shorter time, then the younger one.
    """
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.index(phase(pod)) if phase(pod) in _PHASES else 0,
        is_ready(pod),
        _deletion_cost(pod),
        -_ready_since(pod) if is_ready(pod) else 0,
        -parse_rfc3339(pod["metadata"]["creationTimestamp"]),
        pod["metadata"]["name"],
    )


def _ready_since(pod: Object) -> Millis:
    found = condition_of(pod, "Ready")
    since = found.get("lastTransitionTime") if found is not None else None
    return parse_rfc3339(since) if since else 0


def _deletion_cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(_DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0
