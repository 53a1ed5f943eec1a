"""System metadata: what the server writes into every object, and what a write may not touch.

Pure functions on JSON objects; they may change the dictionaries that they are given to finish
(`new`, `obj`), never the stored ones (`old`).
"""

import random
from typing import Any, Final
from uuid import UUID

import msgspec

from kube.vocab.objects import StatusCause
from kube.vocab.times import Millis, format_rfc3339
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import Invalid

_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])

_OWNED_BY_SERVER: Final = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)


def copied(obj: Object) -> Object:
    """A deep copy that shares nothing with `obj`."""
    return _DECODER.decode(_ENCODER.encode(obj))


def without_nulls(value: Any) -> Any:
    """`value` without members that are null: typed kinds cannot hold them."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def incoming(resource: Resource, obj: Object) -> Object:
    """A copy of an object that a writer hands in, rid of nulls that its kind cannot hold.

    In custom resources nulls are left to their schema, which may allow them. Metadata holds no
    empty maps and lists either.
    """
    result = copied(obj)
    if not resource.custom:
        result = without_nulls(result)
    meta = without_nulls(result.get("metadata") or {})
    result["metadata"] = {key: value for key, value in meta.items() if value not in ({}, [])}
    return result


def new_uid(source: random.Random) -> str:
    """A random (version 4) UUID."""
    return str(UUID(int=source.getrandbits(128), version=4))


def given_name(resource: Resource, meta: Object, source: random.Random) -> str:
    """The name of a new object: its own, or `generateName` and five letters. Raises Invalid."""
    if meta.get("name"):
        return str(meta["name"])
    if meta.get("generateName"):
        return str(meta["generateName"]) + "".join(source.choice(_SUFFIX_LETTERS) for _ in range(5))
    message = "Required value: name or generateName is required"
    raise Invalid.of(resource, "", [StatusCause("FieldValueRequired", message, "metadata.name")])


def stamp_created(resource: Resource, obj: Object, uid: str, now: Millis) -> None:
    """Make `obj` a newborn object."""
    meta = obj["metadata"]
    for field in _OWNED_BY_SERVER:
        meta.pop(field, None)
    meta["uid"] = uid
    meta["creationTimestamp"] = format_rfc3339(now)
    if resource.generation:
        meta["generation"] = 1
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind


def stamp_updated(resource: Resource, old: Object, new: Object, subresource: str | None) -> Object:
    """What a write of `new` over `old` leaves, before it gets a version.

    A write of the object leaves the status alone where there is a status subresource; a write of
    the status leaves everything else alone. The generation moves only with the specification.
    """
    if subresource == "status":
        result = copied(old)
        result.pop("status", None)
        if "status" in new:
            result["status"] = new["status"]
        return result
    meta, before = new.setdefault("metadata", {}), old["metadata"]
    for field in (*_OWNED_BY_SERVER, "name", "namespace", "resourceVersion"):
        meta.pop(field, None)
        if field in before:
            meta[field] = before[field]
    if resource.status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = copied(old)["status"]
    new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]
    if resource.generation and _specification(resource, new) != _specification(resource, old):
        meta["generation"] = before.get("generation", 0) + 1
    return new


def same_content(old: Object, new: Object) -> bool:
    """Whether a write changes nothing worth a version; who wrote last does not count."""
    return _content(old) == _content(new)


def _specification(resource: Resource, obj: Object) -> Object:
    left_out = {"metadata", "apiVersion", "kind"} | ({"status"} if resource.status else set())
    return {key: value for key, value in obj.items() if key not in left_out}


def _content(obj: Object) -> Object:
    meta = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("managedFields", "resourceVersion")
    }
    return {**obj, "metadata": meta}
