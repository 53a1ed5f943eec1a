"""Lists: paging, selectors, versions, forms."""

from typing import Any

import pytest

from tests.contract.apiserver.client import PARTIAL, PARTIAL_LIST, TABLE, Answer, Api
from tests.contract.apiserver.objects import configmap, gadget

pytestmark = pytest.mark.asyncio


def names(body: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


async def test_list_is_typed_and_versioned(api: Api):
    await api.created(api.path("configmaps"), configmap("b", {"k": "v"}))
    await api.created(api.path("configmaps"), configmap("a", {"k": "v"}))
    answer = await api.get(api.path("configmaps"), labelSelector="k")
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(answer.body["metadata"]["resourceVersion"]) > 0
    assert names(answer.body) == ["a", "b"]


async def test_list_of_a_missing_namespace_is_empty(api: Api):
    answer = await api.get("/api/v1/namespaces/no-such/configmaps")
    assert (answer.code, answer.body["items"]) == (200, [])


async def test_pages_show_one_moment(api: Api):
    for index in range(5):
        await api.created(api.path("configmaps"), configmap(f"c{index}", {"k": "v"}))
    first = await api.get(api.path("configmaps"), limit="2", labelSelector="k")
    assert names(first.body) == ["c0", "c1"]
    token = first.body["metadata"]["continue"]
    await api.delete(api.path("configmaps", "c3"))
    await api.created(api.path("configmaps"), configmap("c9", {"k": "v"}))
    query = {"limit": "2", "labelSelector": "k"}
    second = await api.get(api.path("configmaps"), **query, **{"continue": token})
    assert names(second.body) == ["c2", "c3"]
    assert second.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]
    token = second.body["metadata"]["continue"]
    third = await api.get(api.path("configmaps"), **query, **{"continue": token})
    assert names(third.body) == ["c4"]
    assert not third.body["metadata"].get("continue")


async def test_page_says_how_many_remain_without_a_selector(api: Api, gadgets: str):
    for index in range(4):
        await api.created(gadgets, gadget(f"g{index}"))
    answer = await api.get(gadgets, limit="1")
    assert answer.body["metadata"]["remainingItemCount"] == 3


async def test_continue_token_that_is_nonsense_is_a_bad_request(api: Api):
    answer = await api.get(api.path("configmaps"), limit="1", **{"continue": "nonsense"})
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=web", ["a"]),
        ("tier!=web", ["b", "c"]),
        ("tier in (web, db)", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier,owner notin (x)", ["a", "b"]),
    ],
)
async def test_label_selectors(api: Api, gadgets: str, selector: str, expected: list[str]):
    for name, labels in (("a", {"tier": "web"}), ("b", {"tier": "db"}), ("c", {})):
        body = gadget(name)
        body["metadata"]["labels"] = labels
        await api.created(gadgets, body)
    assert names((await api.get(gadgets, labelSelector=selector)).body) == expected


async def test_bad_selectors_are_bad_requests(api: Api):
    assert (await api.get(api.path("pods"), labelSelector="a in (")).code == 400
    assert (await api.get(api.path("pods"), fieldSelector="spec.color=red")).code == 400


async def test_field_selectors(api: Api):
    for name in ("a", "b"):
        await api.created(api.path("configmaps"), configmap(name))
    found = await api.get(api.path("configmaps"), fieldSelector="metadata.name=b")
    assert names(found.body) == ["b"]
    event = {
        "metadata": {"name": "e1", "namespace": api.namespace},
        "involvedObject": {"kind": "ConfigMap", "name": "a", "namespace": api.namespace},
        "reason": "Tested",
        "type": "Normal",
    }
    await api.created(api.path("events"), event)
    found = await api.get(
        api.path("events"), fieldSelector="involvedObject.name=a,involvedObject.kind!=Pod"
    )
    assert names(found.body) == ["e1"]
    found = await api.get(api.path("events"), fieldSelector="involvedObject.name=b")
    assert names(found.body) == []


async def test_pods_by_node_and_phase(api: Api):
    for name, node in (("p1", "n1"), ("p2", "n2")):
        pod = {
            "metadata": {"name": name},
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
        }
        await api.created(api.path("pods"), pod)
    found = await api.get(api.path("pods"), fieldSelector="spec.nodeName=n2,status.phase=Pending")
    assert names(found.body) == ["p2"]


async def test_version_from_the_future_is_a_timeout_status(api: Api):
    answer = await api.get(api.path("configmaps"), resourceVersion="999999999999")
    assert (answer.code, answer.body["reason"]) == (504, "Timeout")
    assert "Too large resource version" in answer.body["message"]


async def test_list_at_an_exact_version(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("g"))
    version = made["metadata"]["resourceVersion"]
    answer = await api.get(gadgets, resourceVersion=version, resourceVersionMatch="Exact")
    assert names(answer.body) == ["g"]
    old = await api.get(gadgets, resourceVersion=version, resourceVersionMatch="NotOlderThan")
    assert int(old.body["metadata"]["resourceVersion"]) >= int(version)


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"resourceVersionMatch": "Exact"}, "is forbidden unless resourceVersion is provided"),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 'resourceVersion "0"'),
        ({"resourceVersionMatch": "Near", "resourceVersion": "1"}, 'Unsupported value: "Near"'),
        ({"sendInitialEvents": "true"}, "sendInitialEvents is forbidden for list"),
    ],
)
async def test_version_rules_of_lists(api: Api, query: dict[str, str], fault: str):
    answer = await api.get(api.path("configmaps"), **query)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["kind"] == "ListOptions"
    assert fault in answer.body["message"]


async def test_any_version_will_do_for_version_0(api: Api):
    await api.created(api.path("configmaps"), configmap("a"))

    def has_it(answer: Answer) -> bool:
        return "a" in names(answer.body)

    found = await api.eventually(api.path("configmaps"), has_it, resourceVersion="0")
    assert int(found.body["metadata"]["resourceVersion"]) > 0


@pytest.mark.parametrize("query", [{"resourceVersion": "soon"}, {"limit": "few"}])
async def test_numbers_that_are_none_are_bad_requests(api: Api, query: dict[str, str]):
    answer = await api.get(api.path("configmaps"), **query)
    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert "invalid syntax" in answer.body["message"]


async def test_page_after_the_history_is_gone_is_expired(api: Api, gadgets: str):
    for name in ("a", "b", "c"):
        await api.created(gadgets, gadget(name))
    first = (await api.get(gadgets, limit="1")).body["metadata"]
    await api.patch(f"{gadgets}/c", {"spec": {"replicas": 1}})
    await api.compact()
    query = {"limit": "1", "continue": first["continue"]}
    answer = await api.eventually(gadgets, lambda found: found.code != 200, **query)
    assert (answer.code, answer.body["kind"]) == (410, "Status")
    assert answer.body["reason"] == "Expired"


@pytest.mark.differs("a list at an exact older `resourceVersion` is served while its history lasts")
async def test_list_at_an_older_version(api: Api, gadgets: str):
    made = await api.created(gadgets, gadget("a"))
    await api.created(gadgets, gadget("b"))
    version = made["metadata"]["resourceVersion"]
    answer = await api.get(gadgets, resourceVersion=version, resourceVersionMatch="Exact")
    assert answer.code == 200
    assert (names(answer.body), answer.body["metadata"]["resourceVersion"]) == (["a"], version)


@pytest.mark.differs("the selectors of each page are those of its own request")
async def test_page_with_another_selector_is_selected_by_that(api: Api, gadgets: str):
    for name in ("a", "b"):
        await api.created(gadgets, gadget(name))
    first = (await api.get(gadgets, limit="1")).body["metadata"]
    query = {"limit": "1", "continue": first["continue"], "labelSelector": "x=y"}
    assert names((await api.get(gadgets, **query)).body) == []


async def test_table_has_the_columns_of_the_definition(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g", replicas=3))
    await api.patch(
        f"{gadgets}/g/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    )
    table = (await api.get(gadgets, accept=TABLE)).body
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name", "replicas", "ready", "age",
    ]  # fmt: skip
    types = [column["type"] for column in table["columnDefinitions"]]
    assert types == ["string", "integer", "string", "date"]
    [row] = table["rows"]
    assert row["cells"][:3] == ["g", 3, "True"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "g"


async def test_table_leaves_absent_values_empty(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    [row] = (await api.get(f"{gadgets}/g", accept=TABLE)).body["rows"]
    assert row["cells"][1:3] == [None, None]


async def test_metadata_only(api: Api):
    await api.created(api.path("configmaps"), configmap("a", {"k": "v"}, x="1"))
    answer = await api.get(api.path("configmaps"), accept=PARTIAL_LIST, labelSelector="k")
    assert answer.body["kind"] == "PartialObjectMetadataList"
    [item] = answer.body["items"]
    one = (await api.get(api.path("configmaps", "a"), accept=PARTIAL)).body
    for found in (item, one):
        assert found["kind"] == "PartialObjectMetadata"
        assert "data" not in found
        assert found["metadata"]["name"] == "a"


async def test_metadata_of_a_list_and_of_one_object_are_different_forms(api: Api):
    await api.created(api.path("configmaps"), configmap("a"))
    for path, form in (("", PARTIAL), ("a", PARTIAL_LIST)):
        answer = await api.get(api.path("configmaps", path), accept=form)
        assert (answer.code, answer.body["reason"]) == (406, "NotAcceptable")
        assert answer.body["message"].startswith("you requested PartialObjectMetadata")


async def test_form_that_nobody_serves_is_not_acceptable(api: Api):
    assert (await api.get(api.path("configmaps"), accept="text/html")).code == 406
