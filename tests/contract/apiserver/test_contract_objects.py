"""Creating, reading, replacing, deleting."""

import pytest

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import configmap, gadget, lease

pytestmark = pytest.mark.asyncio


async def test_create_stamps_what_the_server_owns(api: Api):
    made = await api.created(api.path("configmaps"), configmap("a", x="1"))
    meta = made["metadata"]
    assert meta["namespace"] == api.namespace
    assert meta["uid"]
    assert int(meta["resourceVersion"]) > 0
    assert meta["creationTimestamp"].endswith("Z")
    read = await api.get(api.path("configmaps", "a"))
    assert (read.code, read.body) == (200, made)


async def test_generate_name_completes_the_prefix(api: Api):
    body = {"metadata": {"generateName": "job-"}, "data": {}}
    first = await api.created(api.path("configmaps"), body)
    second = await api.created(api.path("configmaps"), body)
    names = {first["metadata"]["name"], second["metadata"]["name"]}
    assert len(names) == 2
    assert all(name.startswith("job-") and len(name) == 9 for name in names)


async def test_second_create_is_refused_as_already_existing(api: Api):
    await api.created(api.path("configmaps"), configmap("a"))
    answer = await api.post(api.path("configmaps"), configmap("a"))
    assert answer.code == 409
    assert answer.body["kind"] == "Status"
    assert answer.body["status"] == "Failure"
    assert answer.body["reason"] == "AlreadyExists"
    assert answer.body["message"] == 'configmaps "a" already exists'
    assert answer.body["details"] == {"name": "a", "kind": "configmaps"}


async def test_missing_object_is_a_status(api: Api):
    answer = await api.get(api.path("deployments", "no", group="apps"))
    assert answer.code == answer.body["code"] == 404
    assert answer.body["reason"] == "NotFound"
    assert answer.body["message"] == 'deployments.apps "no" not found'
    assert answer.body["details"] == {"name": "no", "group": "apps", "kind": "deployments"}


async def test_create_in_missing_namespace_is_not_found(api: Api):
    answer = await api.post("/api/v1/namespaces/no-such/configmaps", configmap("a"))
    assert (answer.code, answer.body["message"]) == (404, 'namespaces "no-such" not found')


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metadata": {"name": "Capital"}}, 422),
        ({"metadata": {"name": "a", "namespace": "elsewhere"}}, 400),
        ({"kind": "Secret"}, 400),
        ({"metadata": {}}, 422),
        ({"metadata": {"name": "a", "labels": {"x": "not a label!"}}}, 422),
        ({"metadata": {"name": "a", "resourceVersion": "7"}}, 500),
    ],
)
async def test_create_refuses_what_does_not_fit(api: Api, change: dict[str, object], code: int):
    answer = await api.post(api.path("configmaps"), configmap("a") | change)
    assert (answer.code, answer.body["kind"]) == (code, "Status")


async def test_body_that_is_no_json_is_a_bad_request(api: Api):
    async with api.session.post(
        api.base + api.path("configmaps"),
        data=b"{nonsense",
        headers={"Content-Type": "application/json"},
    ) as response:
        assert response.status == 400
        assert (await response.json())["reason"] == "BadRequest"


async def test_dry_run_answers_and_stores_nothing(api: Api):
    answer = await api.post(api.path("configmaps"), configmap("a"), dryRun="All")
    assert (answer.code, answer.body["metadata"]["name"]) == (201, "a")
    assert (await api.get(api.path("configmaps", "a"))).code == 404


async def test_replace_with_old_version_conflicts(api: Api):
    made = await api.created(api.path("configmaps"), configmap("a", x="1"))
    newer = await api.put(api.path("configmaps", "a"), made | {"data": {"x": "2"}})
    assert newer.code == 200
    assert int(newer.body["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    stale = await api.put(api.path("configmaps", "a"), made | {"data": {"x": "3"}})
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")
    assert "the object has been modified" in stale.body["message"]


async def test_replace_that_changes_nothing_makes_no_version(api: Api):
    made = await api.created(api.path("configmaps"), configmap("a", x="1"))
    again = await api.put(api.path("configmaps", "a"), made)
    assert again.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_lease_can_be_taken_over_by_one_only(api: Api):
    """Leader election stands on this: of two writers with the same version one loses."""
    path = api.path("leases", group="coordination.k8s.io")
    made = await api.created(path, lease("lock", "one"))
    assert (await api.put(f"{path}/lock", lease("lock", "nobody"))).code == 422
    two, three = (made | {"spec": made["spec"] | {"holderIdentity": n}} for n in ("two", "three"))
    assert (await api.put(f"{path}/lock", two)).code == 200
    assert (await api.put(f"{path}/lock", three)).code == 409
    assert (await api.get(f"{path}/lock")).body["spec"]["holderIdentity"] == "two"


async def test_generation_moves_with_the_specification_only(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g", replicas=1))
    assert made["metadata"]["generation"] == 1
    labelled = await api.patch(f"{gadgets}/g", {"metadata": {"labels": {"a": "b"}}})
    assert labelled.body["metadata"]["generation"] == 1
    changed = await api.patch(f"{gadgets}/g", {"spec": {"replicas": 2}})
    assert changed.body["metadata"]["generation"] == 2


async def test_delete_answers_success_and_removes(api: Api):
    made = await api.created(api.path("configmaps"), configmap("a"))
    answer = await api.delete(api.path("configmaps", "a"))
    assert (answer.code, answer.body["status"]) == (200, "Success")
    assert answer.body["details"]["uid"] == made["metadata"]["uid"]
    assert (await api.delete(api.path("configmaps", "a"))).code == 404


async def test_delete_with_wrong_precondition_conflicts(api: Api):
    await api.created(api.path("configmaps"), configmap("a"))
    answer = await api.delete(api.path("configmaps", "a"), {"preconditions": {"uid": "other"}})
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


async def test_finalizer_holds_a_deletion(api: Api):
    body = configmap("a")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.created(api.path("configmaps"), body)
    answer = await api.delete(api.path("configmaps", "a"))
    assert answer.body["metadata"]["deletionTimestamp"]
    assert (await api.get(api.path("configmaps", "a"))).code == 200
    await api.patch(api.path("configmaps", "a"), {"metadata": {"finalizers": None}})
    assert (await api.get(api.path("configmaps", "a"))).code == 404


async def test_delete_collection_takes_what_the_selector_names(api: Api):
    for name, colour in (("a", "red"), ("b", "red"), ("c", "blue")):
        await api.created(api.path("configmaps"), configmap(name, {"colour": colour}))
    answer = await api.delete(api.path("configmaps"), labelSelector="colour=red")
    assert answer.code == 200
    left = await api.get(api.path("configmaps"), labelSelector="colour")
    assert [item["metadata"]["name"] for item in left.body["items"]] == ["c"]


async def test_unknown_resource_and_method_are_statuses(api: Api):
    for path in ("/api/v1/things", "/apis/apps/v1/things", "/apis/apps/v7/deployments"):
        missing = await api.get(path)
        assert (missing.code, missing.body["kind"]) == (404, "Status")
        assert missing.body["message"] == "the server could not find the requested resource"
    wrong = await api.post(api.path("configmaps", "a"), configmap("a"))
    assert (wrong.code, wrong.body["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path",
    [
        "/apis/no.such.group/v1/things",
        "/apis/contract.example.com/v7/gadgets",
        "/apis/no.such",
        "/no",
    ],
)
async def test_path_that_nobody_serves_is_no_status(api: Api, path: str):
    """Clients have to cope with an error that is not JSON, even while they ask for JSON."""
    answer = await api.get(path)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert (answer.code, answer.body) == (404, "404 page not found\n")
