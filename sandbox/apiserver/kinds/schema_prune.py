"""Structural schemas: dropping what they do not know, filling in what they default.

Both change the object in place. Fields that are null and may not be are dropped first, as the real
server does, so that a default can take their place.
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_ROOT_FIELDS: Final = ("apiVersion", "kind", "metadata")


def prune(schema: Schema, obj: dict[str, Any]) -> list[str]:
    """Drop unknown fields of a whole object; returns their paths (`spec.metrics[0].tpye`)."""
    dropped: list[str] = []
    _prune_object(schema, obj, "", _ROOT_FIELDS, dropped)
    return dropped


def apply_defaults(schema: Schema, value: Any) -> None:
    """Fill in the defaults of absent fields, at every depth that exists."""
    if isinstance(value, list):
        for item in value:
            apply_defaults(schema.get("items", {}), item)
    if not isinstance(value, dict):
        return
    properties: Schema = schema.get("properties", {})
    for name, below in properties.items():
        if name not in value and below.get("default") is not None:
            value[name] = copy.deepcopy(below["default"])
        if name in value:
            apply_defaults(below, value[name])
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        for name, item in value.items():
            if name not in properties:
                apply_defaults(extra, item)


def _prune(schema: Schema, value: Any, path: str, dropped: list[str]) -> None:
    if isinstance(value, dict):
        always = _ROOT_FIELDS if schema.get("x-kubernetes-embedded-resource") else ()
        _prune_object(schema, value, path, always, dropped)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            _prune(schema["items"], item, f"{path}[{index}]", dropped)


def _prune_object(
    schema: Schema, obj: dict[str, Any], path: str, always: tuple[str, ...], dropped: list[str]
) -> None:
    properties: Schema = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for name in tuple(obj):
        below = f"{path}.{name}" if path else name
        if name in always:
            continue
        known = properties.get(name)
        if known is None and isinstance(extra, Mapping):
            known = extra
        if known is not None:
            if obj[name] is None and not known.get("nullable"):
                del obj[name]
            else:
                _prune(known, obj[name], below, dropped)
        elif extra is not True and not schema.get("x-kubernetes-preserve-unknown-fields"):
            del obj[name]
            dropped.append(below)
