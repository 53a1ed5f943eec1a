"""Objects out of lists and watches, decoded one by one.

One object that does not fit our structures must not hide the others (D28): it comes out as an
`Undecodable` in its place, with the name it goes by and what is wrong with it.
"""

from typing import Any, Final, Protocol, TypeVar

import msgspec
from msgspec import Struct

from kube.client.transport import Decoder
from kube.vocab.objects import UNREADABLE, ObjectMeta, Wire

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""


class KubeObject(Protocol):
    """Anything with `metadata`."""

    @property
    def metadata(self) -> ObjectMeta:
        """The object's metadata."""
        ...


T = TypeVar("T", bound=KubeObject)


class Undecodable(Struct, frozen=True):
    """An object whose content does not fit; `error` carries the JSON path, `body` is the object as
    it came, for whoever can use a part of it.
    """

    metadata: ObjectMeta
    error: str
    body: bytes = b""


class _LooseMeta(Wire, frozen=True):
    """As much of a broken object's metadata as can be told."""

    name: Any = ""
    namespace: Any = ""
    uid: Any = ""
    resource_version: Any = ""
    generation: Any = 0
    deletion_timestamp: Any = None
    finalizers: Any = None


class _Loose(Wire, frozen=True):
    metadata: _LooseMeta = _LooseMeta()


_LOOSE: Final = msgspec.json.Decoder(_Loose)


def decode_item(raw: msgspec.Raw | bytes, decoder: Decoder[T]) -> T | Undecodable:
    """`raw` as the decoder's type, or what can be said about why not."""
    try:
        return decoder.decode(raw)
    except UNREADABLE as error:
        return Undecodable(metadata=identity_of(raw), error=str(error), body=bytes(raw))


def identity_of(raw: msgspec.Raw | bytes) -> ObjectMeta:
    """Who the object is and whether it is going, each part empty where it cannot be told."""
    try:
        meta = _LOOSE.decode(raw).metadata
    except UNREADABLE:
        return ObjectMeta()
    return ObjectMeta(
        name=_text(meta.name),
        namespace=_text(meta.namespace),
        uid=_text(meta.uid),
        resource_version=_text(meta.resource_version),
        generation=meta.generation if type(meta.generation) is int else 0,
        deletion_timestamp=_text(meta.deletion_timestamp) or None,
        finalizers=_texts(meta.finalizers),
    )


def key_of(item: KubeObject) -> Key:
    """The item's key."""
    return item.metadata.namespace, item.metadata.name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str] | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return None
