"""Patches as functions."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.apiserver.http.patches import PatchType, merge_patch, patch_type, patched
from sandbox.apiserver.http.strategic import strategic_merge
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, Resource
from sandbox.apiserver.storage.errors import BadRequest, Invalid, UnsupportedMediaType

CUSTOM = Resource("x.example.com", "v1", "xs", "X", custom=True)

JSON = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3)
    ),
    max_leaves=8,
)


def difference(old: Any, new: Any) -> Any:
    """The merge patch that leads from `old` to `new`, which holds no nulls."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    gone = {key: None for key in old if key not in new}
    return gone | {
        key: difference(old.get(key), value)
        for key, value in new.items()
        if key not in old or old[key] != value
    }


@given(JSON, JSON)
def test_merge_patch_leads_from_anything_to_anything(old: Any, new: Any):
    patch = difference(old, new)
    assert merge_patch(copy.deepcopy(old), patch) == new


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples_of_rfc_7386(target: Any, patch: Any, result: Any):
    assert merge_patch(target, patch) == result


def test_patched_leaves_the_original_alone():
    obj = {"metadata": {"name": "a", "labels": {"x": "1"}}}
    before = copy.deepcopy(obj)
    for kind in (PatchType.MERGE, PatchType.STRATEGIC):
        patched(kind, DEPLOYMENTS, obj, {"metadata": {"labels": {"x": None, "y": "2"}}})
    patched(PatchType.JSON, DEPLOYMENTS, obj, [{"op": "remove", "path": "/metadata/labels/x"}])
    assert obj == before


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ({"not": "a list"}, BadRequest),
        ([{"op": "dance", "path": "/a"}], BadRequest),
        ([{"op": "replace"}], BadRequest),
        ([{"op": "add", "path": "no-slash", "value": 1}], BadRequest),
        ([{"op": "remove", "path": "/metadata"}], BadRequest),
        ([{"op": "test", "path": "/metadata/name", "value": "b"}], Invalid),
        ([{"op": "remove", "path": "/spec/none"}], Invalid),
    ],
)
def test_json_patch_that_cannot_be_applied(patch: Any, error: type[Exception]):
    with pytest.raises(error):
        patched(PatchType.JSON, DEPLOYMENTS, {"metadata": {"name": "a"}, "spec": {}}, patch)


def test_patch_types_by_kind_of_resource():
    assert patch_type("application/strategic-merge-patch+json", DEPLOYMENTS) is PatchType.STRATEGIC
    with pytest.raises(UnsupportedMediaType):
        patch_type("application/strategic-merge-patch+json", CUSTOM)
    with pytest.raises(UnsupportedMediaType):
        patch_type("application/json", DEPLOYMENTS)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        (
            {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "c"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "b"}, {"name": "c"}]},
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "a", "$patch": "delete"}]},
            {"containers": [{"name": "b"}]},
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": []},
            {"containers": [{"name": "b"}, {"name": "a"}]},
        ),
        ({"args": ["x"]}, {"args": ["y"]}, {"args": ["y"]}),
        ({"finalizers": ["x"]}, {"finalizers": ["y"]}, {"finalizers": ["x", "y"]}),
        (
            {"finalizers": ["x", "y"]},
            {"$deleteFromPrimitiveList/finalizers": ["x"]},
            {"finalizers": ["y"]},
        ),
        (
            {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}},
            {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}},
            {"strategy": {"type": "Recreate"}},
        ),
        ({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        (
            {"ports": [{"containerPort": 80, "name": "web"}]},
            {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
            {"ports": [{"containerPort": 80, "name": "web", "protocol": "TCP"}]},
        ),
    ],
)
def test_strategic_merge(target: Any, patch: Any, result: Any):
    assert strategic_merge(target, patch) == result


def test_strategic_merge_misses_the_merge_key():
    with pytest.raises(BadRequest, match="merge key: name"):
        strategic_merge({"containers": [{"name": "a"}]}, {"containers": [{"image": "x"}]})
