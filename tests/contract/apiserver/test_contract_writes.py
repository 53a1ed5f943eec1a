"""Patches, and what schemas make of writes."""

import re

import pytest

from tests.contract.apiserver.client import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api
from tests.contract.apiserver.objects import deployment, gadget

pytestmark = pytest.mark.asyncio


# Patches


async def test_merge_patch_merges_and_removes(api: Api, gadgets: str):
    body = gadget("g", replicas=1, amount="5")
    body["metadata"]["labels"] = {"keep": "1", "drop": "1"}
    await api.created(gadgets, body)
    change = {"metadata": {"labels": {"drop": None}}, "spec": {"replicas": 2}}
    answer = await api.patch(f"{gadgets}/g", change, MERGE)
    assert answer.code == 200
    assert answer.body["metadata"]["labels"] == {"keep": "1"}
    assert answer.body["spec"] == {"replicas": 2, "amount": "5", "mode": "slow"}


async def test_merge_patch_with_an_old_version_conflicts(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g", replicas=1))
    await api.patch(f"{gadgets}/g", {"spec": {"replicas": 2}})
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    answer = await api.patch(f"{gadgets}/g", {"metadata": version, "spec": {"replicas": 3}})
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


async def test_json_patch_applies_and_tests(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g", replicas=1))
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 5},
    ]
    answer = await api.patch(f"{gadgets}/g", operations, JSON_PATCH)
    assert (answer.code, answer.body["spec"]["replicas"]) == (200, 5)
    again = await api.patch(f"{gadgets}/g", operations, JSON_PATCH)
    assert (again.code, again.body["kind"]) == (422, "Status")
    assert (await api.get(f"{gadgets}/g")).body["spec"]["replicas"] == 5


async def test_json_patch_that_is_no_list_is_refused(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    assert (await api.patch(f"{gadgets}/g", {"spec": {}}, JSON_PATCH)).code == 400


async def test_strategic_patch_merges_containers_by_name(api: Api):
    path = api.path("deployments", group="apps")
    await api.created(path, deployment("web"))
    change = {
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "x"}]}}},
    }
    answer = await api.patch(f"{path}/web", change, STRATEGIC)
    containers = answer.body["spec"]["template"]["spec"]["containers"]
    assert {item["name"]: item["image"] for item in containers} == {
        "main": "example.com/none",
        "side": "x",
    }


async def test_strategic_patch_of_a_custom_resource_is_unsupported(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    answer = await api.patch(f"{gadgets}/g", {"spec": {"replicas": 2}}, STRATEGIC)
    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")


async def test_unknown_patch_type_is_unsupported(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    assert (await api.patch(f"{gadgets}/g", {}, "application/x-other")).code == 415


async def test_patch_of_a_missing_object_is_not_found(api: Api, gadgets: str):
    assert (await api.patch(f"{gadgets}/none", {"spec": {}})).code == 404


async def test_apply_creates_and_then_merges(api: Api, gadgets: str):
    first = await api.patch(
        f"{gadgets}/g", gadget("g", replicas=1), APPLY, fieldManager="me", force="true"
    )
    assert first.code == 201
    second = await api.patch(
        f"{gadgets}/g", gadget("g", replicas=2), APPLY, fieldManager="me", force="true"
    )
    assert (second.code, second.body["spec"]["replicas"]) == (200, 2)
    managers = second.body["metadata"]["managedFields"]
    assert [(item["manager"], item["operation"]) for item in managers] == [("me", "Apply")]


# Schemas


async def test_defaults_are_filled_in_and_unknown_fields_pruned(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g", invented=1, mode=None))
    assert made["spec"] == {"mode": "slow"}


async def test_unknown_field_warns_unless_told_otherwise(api: Api, gadgets: str):
    warned = await api.post(gadgets, gadget("a", invented=1))
    assert 'unknown field \\"spec.invented\\"' in warned.headers["Warning"]
    ignored = await api.post(gadgets, gadget("b", invented=1), fieldValidation="Ignore")
    assert "Warning" not in ignored.headers
    strict = await api.post(gadgets, gadget("c", invented=1), fieldValidation="Strict")
    assert (strict.code, strict.body["reason"]) == (400, "BadRequest")
    assert 'strict decoding error: unknown field "spec.invented"' in strict.body["message"]


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        ({"replicas": "3"}, "spec.replicas", "must be of type integer"),
        ({"replicas": -1}, "spec.replicas", "should be greater than or equal to 0"),
        ({"replicas": 100}, "spec.replicas", "should be less than or equal to 99"),
        ({"mode": "idle"}, "spec.mode", 'supported values: "slow", "fast"'),
        ({"amount": "10%"}, "spec.amount", "should match '^[0-9]+m?$'"),
        ({"amount": 1.5}, "spec.amount", "must be of type integer,string"),
    ],
)
async def test_schema_faults_name_the_field(
    api: Api, gadgets: str, spec: dict[str, object], field: str, text: str
):
    answer = await api.post(gadgets, gadget("g", **spec))
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    head = r'Gadget\.contract\.example\.com "g" is invalid: \[?'
    assert re.match(head + re.escape(field), answer.body["message"])
    # Kubernetes may add what other checks say of the same value.
    cause = answer.body["details"]["causes"][0]
    assert cause["field"] == field
    assert text in cause["message"]


async def test_required_field_is_missed(api: Api, gadgets: str):
    body = gadget("g")
    del body["spec"]
    answer = await api.post(gadgets, body)
    assert answer.code == 422
    assert answer.body["details"]["causes"][0] == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec",
    }
