"""Server-side apply, and who wrote which field."""

import pytest

from tests.contract.apiserver.client import APPLY, Answer, Api
from tests.contract.apiserver.objects import gadget

pytestmark = pytest.mark.asyncio


async def apply(api: Api, path: str, manager: str, force: str = "false", **spec: object) -> Answer:
    body = gadget("g", **spec)
    return await api.patch(f"{path}/g", body, APPLY, fieldManager=manager, force=force)


async def test_apply_needs_a_manager(api: Api, gadgets: str):
    answer = await api.patch(f"{gadgets}/g", gadget("g"), APPLY)
    assert answer.code == 422
    assert "is required for apply patch" in answer.body["message"]


async def test_apply_that_changes_nothing_makes_no_version(api: Api, gadgets: str):
    first = await apply(api, gadgets, "one", replicas=1)
    again = await apply(api, gadgets, "one", replicas=1)
    assert (first.code, again.code) == (201, 200)
    assert again.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]


async def test_two_appliers_of_different_fields_agree(api: Api, gadgets: str):
    await apply(api, gadgets, "one", replicas=1)
    answer = await apply(api, gadgets, "two", amount="5")
    assert answer.code == 200
    assert answer.body["spec"] == {"replicas": 1, "amount": "5", "mode": "slow"}


@pytest.mark.differs("server-side apply tracks who owns which field, reports conflicts")
async def test_two_appliers_of_one_field_conflict_until_forced(api: Api, gadgets: str):
    await apply(api, gadgets, "one", replicas=1)
    answer = await apply(api, gadgets, "two", replicas=2)
    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    [cause] = answer.body["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldManagerConflict", ".spec.replicas")
    assert 'conflict with "one"' in cause["message"]
    forced = await apply(api, gadgets, "two", force="true", replicas=2)
    assert (forced.code, forced.body["spec"]["replicas"]) == (200, 2)


@pytest.mark.differs("removes what an applier no longer names")
async def test_field_that_its_applier_leaves_out_goes(api: Api, gadgets: str):
    await apply(api, gadgets, "one", replicas=1, amount="5")
    answer = await apply(api, gadgets, "one", replicas=1)
    assert answer.body["spec"] == {"replicas": 1, "mode": "slow"}


@pytest.mark.differs("other writers are noted in `managedFields` too")
async def test_other_writers_are_noted(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g", replicas=1))
    [entry] = made["metadata"]["managedFields"]
    assert entry["operation"] == "Update"
    assert entry["fieldsV1"]["f:spec"]["f:replicas"] == {}
