"""The status and scale subresources."""

from typing import Any

import pytest

from tests.contract.apiserver.client import MERGE, PARTIAL, Api
from tests.contract.apiserver.objects import (
    GROUP,
    VERSION,
    deployment,
    elsewhere_counted,
    gadget,
)

pytestmark = pytest.mark.asyncio


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


# Who scaled last


async def scalings(api: Api, path: str) -> list[dict[str, Any]]:
    """What the metadata of an object says of writes to its scale."""
    partial = (await api.get(path, accept=PARTIAL)).body
    assert partial["kind"] == "PartialObjectMetadata"
    found = partial["metadata"]["managedFields"]
    return [one for one in found if one.get("subresource") == "scale"]


async def scaled(api: Api, path: str, replicas: int, manager: str) -> None:
    scale = (await api.get(f"{path}/scale")).body
    scale["spec"]["replicas"] = replicas
    # Whatever its controllers write meanwhile.
    del scale["metadata"]["resourceVersion"]
    answer = await api.put(f"{path}/scale", scale, fieldManager=manager)
    assert answer.code == 200, answer


async def test_who_set_the_count_last_is_noted_without_a_time(api: Api, gadgets: str):
    deployments = api.path("deployments", group="apps")
    await api.created(deployments, deployment("web"))
    await api.created(gadgets, gadget("web", replicas=2))
    crowds = api.path("crowds", group=GROUP, version=VERSION)
    await api.install(elsewhere_counted())
    crowd = gadget("web", size={"wanted": 2}) | {"kind": "Crowd"}
    await api.created(crowds, crowd)
    for path, fields in (
        (f"{deployments}/web", {"f:spec": {"f:replicas": {}}}),
        (f"{gadgets}/web", {"f:spec": {"f:replicas": {}}}),
        (f"{crowds}/web", {"f:spec": {"f:size": {"f:wanted": {}}}}),
    ):
        await scaled(api, path, 5, "one/5529d7a1-e5c0-46ad-8768-47ac26049666@2026-01-31T12:00:00Z")
        (entry,) = await scalings(api, path)
        assert entry["manager"].startswith("one/5529d7a1-e5c0-46ad-8768-47ac26049666@2026")
        assert (entry["operation"], entry["fieldsV1"]) == ("Update", fields)
        assert "time" not in entry
        await scaled(api, path, 6, "two")
        assert [one["manager"] for one in await scalings(api, path)] == ["two"]


async def test_a_scaling_of_no_name_is_noted_under_the_programs(api: Api, gadgets: str):
    await api.created(gadgets, gadget("web", replicas=2))
    program = {"User-Agent": "some-scaler/1.2 (linux)"}
    async with api.session.patch(
        f"{api.base}{gadgets}/web/scale",
        json={"spec": {"replicas": 3}},
        headers={"Content-Type": MERGE, **program},
    ) as answer:
        assert answer.status == 200
    (entry,) = await scalings(api, f"{gadgets}/web")
    assert entry["manager"] == "some-scaler"
