"""What a delete does to an object: away at once, marked and waiting, or already waiting.

Namespaces and CustomResourceDefinitions wait for what they contain, pods that run on a node for
their grace period, everything for its finalizers. Pure.
"""

from enum import Enum, auto
from typing import Final

from kube.vocab.times import SECOND, Millis, format_rfc3339, parse_rfc3339
from sandbox.apiserver.kinds.resources import DEFINITIONS, NAMESPACES, PODS, Object, Resource
from sandbox.apiserver.storage.stamping import copied

_DEFAULT_POD_GRACE: Final = 30
_CONTAINERS: Final = (NAMESPACES.key, DEFINITIONS.key)


class Disposal(Enum):
    """What becomes of the object."""

    REMOVE = auto()
    MARK = auto()
    PENDING = auto()


def dispose(
    resource: Resource, obj: Object, grace_seconds: int | None, now: Millis
) -> tuple[Disposal, Object]:
    """The fate of `obj` on a delete, and the object as it then is."""
    grace = _grace(resource, obj, grace_seconds)
    marked_until = obj["metadata"].get("deletionTimestamp")
    waits = grace > 0 or contains_others(resource) or bool(obj["metadata"].get("finalizers"))
    if not waits:
        return Disposal.REMOVE, obj
    deadline = now + grace * SECOND
    if marked_until is not None and parse_rfc3339(marked_until) <= deadline:
        return Disposal.PENDING, obj
    marked = copied(obj)
    meta = marked["metadata"]
    meta["deletionTimestamp"] = format_rfc3339(deadline)
    meta["deletionGracePeriodSeconds"] = grace
    if "generation" in meta:
        meta["generation"] += 1
    if resource.key == NAMESPACES.key:
        marked.setdefault("status", {})["phase"] = "Terminating"
    return Disposal.MARK, marked


def is_released(resource: Resource, obj: Object) -> bool:
    """Whether a marked object has nothing left to wait for."""
    meta = obj["metadata"]
    return (
        "deletionTimestamp" in meta
        and not meta.get("finalizers")
        and not meta.get("deletionGracePeriodSeconds")
        and not contains_others(resource)
    )


def contains_others(resource: Resource) -> bool:
    """Whether objects of this resource contain objects of others."""
    return resource.key in _CONTAINERS


def without_owner(obj: Object, uid: str) -> Object:
    """A copy of `obj` that no longer belongs to the owner `uid`."""
    result = copied(obj)
    left = [ref for ref in owner_references(result) if ref.get("uid") != uid]
    if left:
        result["metadata"]["ownerReferences"] = left
    else:
        result["metadata"].pop("ownerReferences", None)
    return result


def owner_references(obj: Object) -> list[Object]:
    """`metadata.ownerReferences`, empty when there are none."""
    return obj["metadata"].get("ownerReferences") or []


def _grace(resource: Resource, obj: Object, asked: int | None) -> int:
    if resource.key != PODS.key or not obj.get("spec", {}).get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return max(asked, 0)
    configured = obj["spec"].get("terminationGracePeriodSeconds")
    return _DEFAULT_POD_GRACE if configured is None else int(configured)
