"""Reads bodies in Kubernetes' protobuf form: kubectl's own commands (`create deployment`,
`create token`, `auth can-i`) send nothing else.

Only requests come in this form; answers are JSON, which every client takes. What the tables in
`protobuf_kinds` do not know is refused, so that nothing is lost on the way in. Pure.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sandbox.apiserver.http.protobuf_kinds import (
    KINDS,
    Bytes,
    Field,
    Ignored,
    IntOrString,
    MapOf,
    Message,
    Number,
    Quantity,
    Text,
    Truth,
    Type,
)
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.errors import UnsupportedMediaType

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def decode(raw: bytes) -> Object:
    """The object in a body. Raises UnsupportedMediaType for what is not understood."""
    if not raw.startswith(_MAGIC):
        raise _refusal("it does not start with the mark of Kubernetes' form")
    try:
        envelope = {number: value for number, value in _fields(memoryview(raw)[len(_MAGIC) :])}
        types = {number: bytes(value).decode() for number, value in _fields(envelope[1])}
        version, kind = types.get(1, ""), types.get(2, "")
        message = KINDS.get((version, kind))
        if message is None:
            raise _refusal(f"the sandbox does not know {version} {kind} in this form")
        return {"apiVersion": version, "kind": kind, **_message(message, envelope[2], kind)}
    except (IndexError, KeyError, TypeError, ValueError):
        raise _refusal("it ends early or is damaged") from None


def _message(message: Message, raw: memoryview, path: str) -> Object:
    result: Object = {}
    for number, value in _fields(raw):
        field = message.fields.get(number)
        if field is None:
            raise _refusal(f"the sandbox does not know field {number} of {path} in this form")
        _store(result, field, value, f"{path}.{field.name}")
    return result


def _store(result: Object, field: Field, value: Any, path: str) -> None:
    match field.type:
        case MapOf(of):
            key, item = _entry(of, value, path)
            result.setdefault(field.name, {})[key] = item
        case kind if field.repeated:
            result.setdefault(field.name, []).append(_read(kind, value, path))
        case kind:
            read = _read(kind, value, path)
            # Values that Go writes although nobody has set them: "", 0, false, {}.
            if read or (field.optional and read is not None):
                result[field.name] = read


def _entry(of: Type, raw: memoryview, path: str) -> tuple[str, Any]:
    parts = {number: value for number, value in _fields(raw)}
    return bytes(parts[1]).decode(), _read(of, parts.get(2, memoryview(b"")), path)


def _read(kind: Type, value: Any, path: str) -> Any:
    if isinstance(kind, Message):
        return _message(kind, value, path)
    return _READERS[type(kind)](value)


def _quantity(value: memoryview) -> str:
    return next((bytes(text).decode() for _, text in _fields(value)), "0")


def _int_or_string(value: memoryview) -> int | str:
    parts = dict(_fields(value))
    return bytes(parts.get(3, b"")).decode() if parts.get(1) else int(parts.get(2, 0))


_READERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    Ignored: lambda _value: None,
    Text: lambda value: bytes(value).decode(),
    Number: lambda value: value - 2**64 if value >= 2**63 else value,
    Truth: bool,
    Bytes: lambda value: base64.b64encode(value).decode(),
    Quantity: _quantity,
    IntOrString: _int_or_string,
}


def _fields(raw: memoryview) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(raw, position)
            yield number, value
            continue
        if wire == _BYTES:
            length, position = _varint(raw, position)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}[wire]
        if position + length > len(raw):
            raise ValueError(position)
        yield number, raw[position : position + length]
        position += length


def _varint(raw: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _refusal(why: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        f"the body cannot be read as {MEDIA_TYPE}: {why}; send JSON or YAML "
        "(kubectl apply and kubectl create -f do)"
    )
