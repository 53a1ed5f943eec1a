"""Patches, the status and scale subresources, schemas."""

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


# Status


async def test_status_in_a_create_is_dropped(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g") | {"status": {"replicas": 7}})
    assert "status" not in made


async def test_status_and_the_rest_are_written_apart(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g", replicas=1))
    change = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"replicas": 9},
        "status": {"replicas": 3},
    }
    written = await api.patch(f"{gadgets}/g/status", change)
    assert written.code == 200
    assert written.body["status"] == {"replicas": 3}
    assert written.body["spec"]["replicas"] == 1
    assert "labels" not in written.body["metadata"]
    assert written.body["metadata"]["generation"] == 1
    main = await api.patch(f"{gadgets}/g", {"spec": {"replicas": 2}, "status": {"replicas": 8}})
    assert main.body["status"] == {"replicas": 3}
    assert main.body["spec"]["replicas"] == 2


async def test_status_put_with_an_old_version_conflicts(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g"))
    body = made | {"status": {"replicas": 1}}
    assert (await api.put(f"{gadgets}/g/status", body)).code == 200
    assert (await api.put(f"{gadgets}/g/status", body)).code == 409


async def test_unknown_status_fields_vanish_and_then_change_nothing(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    change = {"status": {"replicas": 1, "invented": True}}
    first = await api.patch(f"{gadgets}/g/status", change)
    assert first.body["status"] == {"replicas": 1}
    second = await api.patch(f"{gadgets}/g/status", change)
    assert second.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]


async def test_subresource_that_a_resource_lacks_is_not_found(api: Api):
    assert (await api.get(api.path("configmaps", "a/status"))).code == 404


# Scale


async def test_scale_shows_the_deployment(api: Api):
    path = api.path("deployments", group="apps")
    made = await api.created(path, deployment("web", replicas=2))
    scale = (await api.get(f"{path}/web/scale")).body
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"]["selector"] == "app=web"
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]


async def test_scale_put_is_guarded_by_the_deployments_version(api: Api):
    path = api.path("deployments", group="apps")
    await api.created(path, deployment("web"))
    scale = (await api.get(f"{path}/web/scale")).body
    await api.patch(f"{path}/web/status", {"status": {"observedGeneration": 9}})
    scale["spec"]["replicas"] = 5
    stale = await api.put(f"{path}/web/scale", scale)
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")
    patch = await api.patch(f"{path}/web/scale", {"spec": {"replicas": 5}})
    assert (patch.code, patch.body["spec"]["replicas"]) == (200, 5)
    assert (await api.get(f"{path}/web")).body["spec"]["replicas"] == 5


async def test_scale_of_a_custom_resource_follows_its_paths(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g", replicas=2))
    await api.patch(f"{gadgets}/g/status", {"status": {"replicas": 1, "selector": "a=b"}})
    scale = (await api.get(f"{gadgets}/g/scale")).body
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 1, "selector": "a=b"}
    scale["spec"]["replicas"] = 6
    assert (await api.put(f"{gadgets}/g/scale", scale)).code == 200
    assert (await api.get(f"{gadgets}/g")).body["spec"]["replicas"] == 6


async def test_scale_to_the_same_count_changes_nothing_in_the_end(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g", replicas=2))
    answers = [await api.patch(f"{gadgets}/g/scale", {"spec": {"replicas": 2}}) for _ in range(4)]
    assert [answer.code for answer in answers] == [200] * 4
    before, after = (answer.body["metadata"]["resourceVersion"] for answer in answers[-2:])
    assert before == after
    assert (await api.get(f"{gadgets}/g")).body["metadata"]["generation"] == 1


@pytest.mark.differs("the first write of the same scale to a custom resource moves its")
async def test_first_scale_to_the_same_count_is_noted(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g", replicas=2))
    answer = await api.patch(f"{gadgets}/g/scale", {"spec": {"replicas": 2}})
    version = answer.body["metadata"]["resourceVersion"]
    assert int(version) > int(made["metadata"]["resourceVersion"])


async def test_scale_that_has_nowhere_to_be_read_from_is_an_error(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    answer = await api.get(f"{gadgets}/g/scale")
    assert (answer.code, answer.body["reason"]) == (500, "InternalError")
    assert 'the spec replicas field ".spec.replicas" does not exist' in answer.body["message"]


async def test_scale_refuses_a_negative_count(api: Api):
    path = api.path("deployments", group="apps")
    await api.created(path, deployment("web"))
    answer = await api.patch(f"{path}/web/scale", {"spec": {"replicas": -1}})
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


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
