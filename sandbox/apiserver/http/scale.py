"""The `scale` subresource: `autoscaling/v1` Scale as a view of an object, and back."""

from typing import Any

import msgspec

from kube.vocab.objects import StatusCause
from kube.vocab.selectors import LabelSelector, selector_of
from sandbox.apiserver.kinds.resources import Object, Resource, ScalePaths
from sandbox.apiserver.storage.errors import InternalError, Invalid, NotFound
from sandbox.apiserver.storage.stamping import copied

SCALE = Resource("autoscaling", "v1", "scale", "Scale")


def scale_of(resource: Resource, obj: Object) -> Object:
    """The Scale of `obj`; it carries the uid and resourceVersion of the object itself."""
    paths = _paths(resource)
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Object = {"replicas": _at(obj, paths.status_replicas) or 0}
    selector = _selector_text(_at(obj, paths.selector))
    if selector:
        status["selector"] = selector
    replicas = _at(obj, paths.spec_replicas)
    if replicas is None and resource.custom:
        raise InternalError(f'the spec replicas field "{paths.spec_replicas}" does not exist')
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas or 0},
        "status": status,
    }


def with_scale(resource: Resource, obj: Object, scale: Object) -> Object:
    """`obj` with the wanted count, and the preconditions, of `scale`. Raises Invalid."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    meta = scale.get("metadata") or {}
    if isinstance(replicas, bool) or not isinstance(replicas, int) or not 0 <= replicas < 2**31:
        message = f"Invalid value: {replicas}: must be a whole number from 0 to 2147483647"
        name = obj["metadata"]["name"]
        raise Invalid.of(SCALE, name, [StatusCause("FieldValueInvalid", message, "spec.replicas")])
    result = copied(obj)
    for field in ("resourceVersion", "uid"):
        result["metadata"].pop(field, None)
        if meta.get(field):
            result["metadata"][field] = meta[field]
    _set(result, _paths(resource).spec_replicas, replicas)
    return result


def note_scaling(resource: Resource, old: Object, new: Object, manager: str) -> None:
    """Note in `new` who set its count, where that is another one than in `old`. Without a time:
    Kubernetes has none there either.
    """
    path = _paths(resource).spec_replicas
    if _at(old, path) == _at(new, path):
        return
    fields: Object = {}
    for step in reversed(path.split(".")[1:]):
        fields = {f"f:{step}": fields}
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": resource.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "subresource": "scale",
    }
    meta = new["metadata"]
    others = [one for one in meta.get("managedFields") or [] if one.get("subresource") != "scale"]
    meta["managedFields"] = [*others, entry]


def _paths(resource: Resource) -> ScalePaths:
    if resource.scale is None:
        raise NotFound("the server could not find the requested resource")
    return resource.scale


def _selector_text(selector: Any) -> str:
    if isinstance(selector, dict):
        return str(selector_of(msgspec.convert(selector, LabelSelector)))
    return selector if isinstance(selector, str) else ""


def _at(obj: Object, path: str) -> Any:
    found: Any = obj
    for step in path.split(".")[1:]:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _set(obj: Object, path: str, value: int) -> None:
    *parents, last = path.split(".")[1:]
    for step in parents:
        obj = obj.setdefault(step, {})
    obj[last] = value
