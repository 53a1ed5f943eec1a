"""Structural schemas: what is wrong with an object, in the real server's words.

Rules in CEL (`x-kubernetes-validations`) are not evaluated here. What an update leaves as it was is
not held against it ("ratcheting", as Kubernetes does since 1.30).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from kube.vocab.objects import StatusCause
from kube.vocab.times import parse_rfc3339

Schema = Mapping[str, Any]

_ABSENT: Final = object()
_JSON_TYPES: Final[Mapping[type, str]] = {
    dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number",
    type(None): "null",
}  # fmt: skip


def validate(schema: Schema, obj: Mapping[str, Any], old: Any = None) -> list[StatusCause]:
    """The faults of a whole object; `old` is the stored one, for an update."""
    return list(_value(schema, obj, "", _ABSENT if old is None else old))


def _value(schema: Schema, value: Any, path: str, old: Any) -> Iterator[StatusCause]:
    if old is not _ABSENT and old == value and type(old) is type(value):
        return
    if value is None and schema.get("nullable"):
        return
    wrong = _type_fault(schema, value, path)
    if wrong is not None:
        yield wrong
        return
    yield from _enumeration(schema, value, path)
    yield from _combinations(schema, value, path)
    match value:
        case bool():
            return
        case dict():
            yield from _object(schema, value, path, old)
        case list():
            yield from _array(schema, value, path)
        case str():
            yield from _text(schema, value, path)
        case int() | float():
            yield from _number(schema, value, path)
        case _:
            return


def _type_fault(schema: Schema, value: Any, path: str) -> StatusCause | None:
    wanted = "integer,string" if schema.get("x-kubernetes-int-or-string") else schema.get("type")
    if not wanted or (not path and wanted == "object"):
        return None
    found = _JSON_TYPES[type(value)]
    accepted = set(wanted.split(","))
    if "number" in accepted:
        accepted.add("integer")
    if found == "number" and float(value).is_integer():
        found = "integer"
    if found in accepted:
        return None
    return StatusCause(
        "FieldValueTypeInvalid",
        f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"',
        path,
    )


def _enumeration(schema: Schema, value: Any, path: str) -> Iterator[StatusCause]:
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        listed = ", ".join(_shown(item) for item in allowed)
        yield StatusCause(
            "FieldValueNotSupported",
            f"Unsupported value: {_shown(value)}: supported values: {listed}",
            path,
        )


def _combinations(schema: Schema, value: Any, path: str) -> Iterator[StatusCause]:
    """allOf, anyOf, oneOf and not; their branches only constrain, they describe no new fields."""
    for branch in schema.get("allOf", ()):
        yield from _value(branch, value, path, _ABSENT)
    if "anyOf" in schema and not any(_fits(branch, value) for branch in schema["anyOf"]):
        yield _invalid(path, value, "must validate at least one schema (anyOf)")
    if "oneOf" in schema and sum(_fits(branch, value) for branch in schema["oneOf"]) != 1:
        yield _invalid(path, value, "must validate one and only one schema (oneOf)")
    if "not" in schema and _fits(schema["not"], value):
        yield _invalid(path, value, "must not validate the schema (not)")


def _fits(schema: Schema, value: Any) -> bool:
    return next(_value(schema, value, "value", _ABSENT), None) is None


def _object(schema: Schema, value: Mapping[str, Any], path: str, old: Any) -> Iterator[StatusCause]:
    for name in schema.get("required", ()):
        if name not in value:
            yield StatusCause("FieldValueRequired", "Required value", _below(path, name))
    if len(value) < schema.get("minProperties", 0):
        yield _invalid(path, value, f"should have at least {schema['minProperties']} properties")
    if len(value) > schema.get("maxProperties", len(value)):
        yield _too_many(path, len(value), schema["maxProperties"])
    properties: Schema = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    for name, item in value.items():
        below = properties.get(name, extra)
        if isinstance(below, Mapping):
            before = old.get(name, _ABSENT) if isinstance(old, Mapping) else _ABSENT
            yield from _value(below, item, _below(path, name), before)


def _array(schema: Schema, value: list[Any], path: str) -> Iterator[StatusCause]:
    if len(value) < schema.get("minItems", 0):
        yield _invalid(
            path, len(value), f"{path} in body should have at least {schema['minItems']} items"
        )
    if len(value) > schema.get("maxItems", len(value)):
        yield _too_many(path, len(value), schema["maxItems"])
    keys = schema.get("x-kubernetes-list-map-keys", ())
    unique = schema.get("uniqueItems") or schema.get("x-kubernetes-list-type") in ("set", "map")
    seen: set[str] = set()
    for index, item in enumerate(value):
        below = f"{path}[{index}]"
        yield from _value(schema.get("items", {}), item, below, _ABSENT)
        identity = _shown({key: item.get(key) for key in keys} if keys else item)
        if unique and identity in seen:
            yield StatusCause("FieldValueDuplicate", f"Duplicate value: {identity}", below)
        seen.add(identity)


def _text(schema: Schema, value: str, path: str) -> Iterator[StatusCause]:
    if len(value) < schema.get("minLength", 0):
        yield _invalid(
            path, value, f"{path} in body should be at least {schema['minLength']} chars long"
        )
    if len(value) > schema.get("maxLength", len(value)):
        limit = schema["maxLength"]
        yield StatusCause(
            "FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path
        )
    pattern = schema.get("pattern")
    if pattern is not None and not _compiled(pattern).search(value):
        yield _invalid(path, value, f"{path} in body should match '{pattern}'")
    if schema.get("format") == "date-time" and not _is_time(value):
        yield _invalid(path, value, f"{path} in body must be of type date-time: {_shown(value)}")


def _number(schema: Schema, value: float, path: str) -> Iterator[StatusCause]:
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
        bound = "" if schema.get("exclusiveMinimum") else " or equal to"
        yield _invalid(path, value, f"{path} in body should be greater than{bound} {low}")
    if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
        bound = "" if schema.get("exclusiveMaximum") else " or equal to"
        yield _invalid(path, value, f"{path} in body should be less than{bound} {high}")
    if step and value % step != 0:
        yield _invalid(path, value, f"{path} in body should be a multiple of {step}")


def _invalid(path: str, value: Any, message: str) -> StatusCause:
    return StatusCause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {message}", path)


def _too_many(path: str, count: int, limit: int) -> StatusCause:
    return StatusCause(
        "FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", path
    )


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_time(text: str) -> bool:
    try:
        parse_rfc3339(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    # In the server's expressions `$` is the very end, in Python's also the place before a newline.
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1] + r"\Z"
    return re.compile(pattern)
