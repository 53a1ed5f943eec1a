"""Events and Leases: what both daemons write for others to read."""

from typing import Any

import pytest

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import lease

pytestmark = pytest.mark.asyncio


def event(name: str, namespace: str, **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "name": "web-1", "namespace": namespace},
        "reason": "SuccessfulRescale",
        "message": "New size: 4",
        "type": "Normal",
        "count": 1,
        "source": {"component": "contract"},
        **fields,
    }


async def test_event_is_counted_up_by_a_patch(api: Api):
    times = {"firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}
    made = await api.created(api.path("events"), event("e", api.namespace, **times))
    assert made["lastTimestamp"] == "2026-01-01T00:00:00Z"
    change = {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"}
    answer = await api.patch(api.path("events", "e"), change)
    assert (answer.code, answer.body["count"]) == (200, 2)
    assert answer.body["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert answer.body["lastTimestamp"] == "2026-01-01T00:01:00Z"


async def test_event_has_to_be_where_its_object_is(api: Api):
    answer = await api.post(api.path("events"), event("e", "elsewhere"))
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "elsewhere": does not match event.namespace',
            "field": "involvedObject.namespace",
        }
    ]


async def test_events_are_found_by_their_object_and_reason(api: Api):
    await api.created(api.path("events"), event("a", api.namespace))
    await api.created(api.path("events"), event("b", api.namespace, reason="Other"))
    selector = "involvedObject.name=web-1,involvedObject.kind=Pod,reason=Other,type=Normal"
    found = await api.get(api.path("events"), fieldSelector=selector)
    assert [item["metadata"]["name"] for item in found.body["items"]] == ["b"]


@pytest.mark.differs("events are served in `events.k8s.io/v1` too")
async def test_events_in_their_own_group(api: Api):
    await api.created(api.path("events"), event("a", api.namespace))
    found = await api.get(api.path("events", "a", group="events.k8s.io"))
    assert (found.code, found.body["note"]) == (200, "New size: 4")


async def test_lease_is_taken_renewed_and_lost(api: Api):
    path = api.path("leases", group="coordination.k8s.io")
    body = lease("lock", "one")
    body["spec"] |= {"renewTime": "2026-01-01T00:00:00.123456Z", "leaseTransitions": 0}
    made = await api.created(path, body)
    assert made["spec"] == body["spec"]
    assert (await api.post(path, body)).body["reason"] == "AlreadyExists"
    renewed = made | {"spec": made["spec"] | {"renewTime": "2026-01-01T00:00:10.000000Z"}}
    answer = await api.put(f"{path}/lock", renewed)
    assert answer.body["spec"]["renewTime"] == "2026-01-01T00:00:10.000000Z"
    assert answer.body["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    lost = await api.put(f"{path}/lock", made | {"spec": made["spec"] | {"holderIdentity": "two"}})
    assert (lost.code, lost.body["reason"]) == (409, "Conflict")
    assert lost.body["details"]["group"] == "coordination.k8s.io"


async def test_lease_that_lasts_no_time_is_invalid(api: Api):
    body = lease("lock", "one")
    body["spec"]["leaseDurationSeconds"] = 0
    answer = await api.post(api.path("leases", group="coordination.k8s.io"), body)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert (
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
        in (answer.body["message"])
    )


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "yesterday"])
async def test_time_of_a_lease_has_microseconds(api: Api, text: str):
    body = lease("lock", "one")
    body["spec"]["renewTime"] = text
    answer = await api.post(api.path("leases", group="coordination.k8s.io"), body)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


@pytest.mark.differs("a PUT may create Leases")
async def test_put_creates_a_lease(api: Api):
    path = api.path("leases", "lock", group="coordination.k8s.io")
    assert (await api.put(path, lease("lock", "one"))).code == 201
