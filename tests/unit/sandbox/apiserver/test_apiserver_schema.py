"""Structural schemas: pruning, defaults, validation."""

from typing import Any

import pytest

from sandbox.apiserver.kinds.schema_prune import apply_defaults, prune
from sandbox.apiserver.kinds.schema_validate import validate


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def test_unknown_fields_go_at_every_depth_and_are_named():
    schema = of(items={"type": "array", "items": {"type": "object", "properties": {"a": {}}}})
    obj = {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"name": "x", "anything": 1},
        "extra": 1,
        "spec": {"items": [{"a": 1}, {"a": 2, "b": 3}], "more": {}},
    }
    assert prune(schema, obj) == ["extra", "spec.items[1].b", "spec.more"]
    assert obj["spec"] == {"items": [{"a": 1}, {"a": 2}]}
    assert obj["metadata"] == {"name": "x", "anything": 1}


def test_preserved_and_additional_fields_stay():
    schema = of(
        free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        map={"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {}}}},
    )
    obj: dict[str, Any] = {"spec": {"free": {"x": 1}, "map": {"k": {"a": 1, "b": 2}}}}
    assert prune(schema, obj) == ["spec.map.k.b"]
    assert obj["spec"] == {"free": {"x": 1}, "map": {"k": {"a": 1}}}


def test_nulls_make_room_for_defaults_unless_nullable():
    schema = of(a={"type": "integer", "default": 1}, b={"type": "array", "nullable": True})
    obj: dict[str, Any] = {"spec": {"a": None, "b": None}}
    assert prune(schema, obj) == []
    apply_defaults(schema, obj)
    assert obj["spec"] == {"a": 1, "b": None}
    assert validate(schema, obj) == []


def test_defaults_reach_into_lists_and_maps_but_make_no_parents():
    inner = {"type": "object", "properties": {"mode": {"type": "string", "default": "slow"}}}
    schema = of(
        list={"type": "array", "items": inner},
        map={"type": "object", "additionalProperties": inner},
        absent=inner,
    )
    obj: dict[str, Any] = {"spec": {"list": [{}], "map": {"k": {}}}}
    apply_defaults(schema, obj)
    assert obj["spec"] == {"list": [{"mode": "slow"}], "map": {"k": {"mode": "slow"}}}


def test_defaults_are_not_shared_between_objects():
    schema = of(tags={"type": "array", "default": []})
    first: dict[str, Any] = {"spec": {}}
    second: dict[str, Any] = {"spec": {}}
    for obj in (first, second):
        apply_defaults(schema, obj)
    first["spec"]["tags"].append("x")
    assert second["spec"]["tags"] == []


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "integer"}, 1, None),
        ({"type": "integer"}, 1.0, None),
        ({"type": "integer"}, 1.5, "must be of type integer"),
        ({"type": "integer"}, True, "must be of type integer"),
        ({"type": "number"}, 1, None),
        ({"type": "string"}, None, "must be of type string"),
        ({"type": "string", "nullable": True}, None, None),
        ({"x-kubernetes-int-or-string": True}, "5m", None),
        ({"x-kubernetes-int-or-string": True}, 5, None),
        ({"x-kubernetes-int-or-string": True}, 0.01, "must be of type integer,string"),
        ({"type": "string", "pattern": "^a+$"}, "aa", None),
        ({"type": "string", "pattern": "^a+$"}, "aa\n", "should match"),
        ({"type": "string", "minLength": 1}, "", "at least 1 chars"),
        ({"type": "string", "maxLength": 2}, "abc", "Too long"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z", None),
        ({"type": "string", "format": "date-time"}, "yesterday", "date-time"),
        ({"type": "integer", "format": "int32"}, 2**31, None),
        ({"type": "integer", "minimum": 1}, 0, "greater than or equal to 1"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, "greater than 1"),
        ({"type": "integer", "maximum": 5}, 6, "less than or equal to 5"),
        ({"type": "integer", "multipleOf": 5}, 7, "multiple of 5"),
        ({"type": "array", "maxItems": 1}, [1, 2], "Too many: 2"),
        ({"type": "array", "minItems": 1}, [], "at least 1 items"),
        ({"type": "array", "x-kubernetes-list-type": "set"}, ["a", "a"], "Duplicate value"),
        (
            {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
            [{"type": "a", "x": 1}, {"type": "a", "x": 2}],
            "Duplicate value",
        ),
        ({"type": "object", "minProperties": 1}, {}, "at least 1 properties"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1.5, "at least one schema"),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 1}, "only one"),
        ({"not": {"required": ["a"]}}, {"a": 1}, "(not)"),
        ({"allOf": [{"minimum": 3}]}, 2, "greater than or equal to 3"),
    ],
)
def test_value_against_a_schema(schema: dict[str, Any], value: Any, message: str | None):
    causes = validate(of(field=schema), {"spec": {"field": value}})
    if message is None:
        assert causes == []
    else:
        assert [cause.field.partition("[")[0] for cause in causes] == ["spec.field"]
        assert message in causes[0].message


def test_several_faults_are_all_told_with_their_places():
    schema = of(
        list={
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"size": {"type": "integer"}},
            },
        }
    )
    causes = validate(schema, {"spec": {"list": [{"name": "a"}, {"size": "big"}]}})
    assert [cause.field for cause in causes] == ["spec.list[1].name", "spec.list[1].size"]


def test_update_is_not_blamed_for_what_it_leaves_alone():
    schema = of(a={"type": "integer", "maximum": 5}, b={"type": "integer", "maximum": 5})
    old = {"spec": {"a": 9, "b": 1}}
    assert validate(schema, {"spec": {"a": 9, "b": 2}}, old) == []
    causes = validate(schema, {"spec": {"a": 8, "b": 2}}, old)
    assert [cause.field for cause in causes] == ["spec.a"]
