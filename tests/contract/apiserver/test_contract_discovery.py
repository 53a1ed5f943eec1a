"""Discovery, OpenAPI, version and health."""

from copy import deepcopy
from typing import Any

import pytest

from tests.contract.apiserver.client import Api
from tests.contract.apiserver.objects import GADGET_DEFINITION, GROUP, PLURAL, VERSION, gadget

pytestmark = pytest.mark.asyncio


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_installed_definition_appears_in_discovery(api: Api, gadgets: str):
    groups = (
        await api.eventually("/apis", lambda answer: GROUP in names(answer.body["groups"]))
    ).body
    assert groups["kind"] == "APIGroupList"
    [group] = [item for item in groups["groups"] if item["name"] == GROUP]
    assert group["preferredVersion"] == {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    listed = (await api.get(f"/apis/{GROUP}/{VERSION}")).body
    by_name = {item["name"]: item for item in listed["resources"]}
    assert set(by_name) == {PLURAL, f"{PLURAL}/status", f"{PLURAL}/scale"}
    assert by_name[PLURAL]["shortNames"] == ["gdt"]
    assert by_name[PLURAL]["namespaced"] is True
    assert {"get", "list", "watch", "patch"} <= set(by_name[PLURAL]["verbs"])
    scale = by_name[f"{PLURAL}/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


async def test_one_document_tells_the_same(api: Api, gadgets: str):
    answer = await api.eventually(
        "/apis",
        lambda answer: GROUP in [item["metadata"]["name"] for item in answer.body["items"]],
        accept=AGGREGATED,
    )
    assert "as=APIGroupDiscoveryList" in answer.headers["Content-Type"]
    [group] = [item for item in answer.body["items"] if item["metadata"]["name"] == GROUP]
    [version] = group["versions"]
    assert (version["version"], version["freshness"]) == (VERSION, "Current")
    [resource] = version["resources"]
    assert resource["responseKind"] == {"group": GROUP, "version": VERSION, "kind": "Gadget"}
    assert sorted(item["subresource"] for item in resource["subresources"]) == ["scale", "status"]


async def test_core_group(api: Api):
    assert (await api.get("/api")).body["versions"] == ["v1"]
    listed = (await api.get("/api/v1")).body
    assert {"pods", "pods/status", "nodes", "events"} <= {i["name"] for i in listed["resources"]}


async def test_removed_definition_takes_its_objects_and_paths_along(api: Api):
    definition = deepcopy(GADGET_DEFINITION)
    group = definition["spec"]["group"] = f"{api.namespace}.example.com"
    definition["metadata"]["name"] = f"{PLURAL}.{group}"
    where = await api.install(definition)
    path = api.path(PLURAL, group=group, version=VERSION)
    body = gadget("g") | {"apiVersion": f"{group}/{VERSION}"}
    await api.created(path, body)
    assert (await api.delete(where)).code == 200
    await api.eventually(path, lambda answer: answer.code == 404)
    await api.eventually(f"/apis/{group}/{VERSION}", lambda answer: answer.code == 404)
    await api.install(definition)
    assert (await api.get(path)).body["items"] == []


async def test_definition_with_a_wrong_name_is_invalid(api: Api):
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    body = {
        "metadata": {"name": "wrong"},
        "spec": {
            "group": "x.example.com",
            "scope": "Namespaced",
            "names": {"plural": "xs", "kind": "X"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    answer = await api.post(path, body)
    assert answer.code == 422
    assert 'must be spec.names.plural+"."+spec.group' in answer.body["message"]


async def test_openapi_promises_field_validation(api: Api, gadgets: str):
    document = (
        await api.eventually(
            f"/openapi/v3/apis/{GROUP}/{VERSION}",
            lambda answer: answer.code == 200 and bool(answer.body["paths"]),
        )
    ).body
    index = (await api.get("/openapi/v3")).body
    where = index["paths"][f"apis/{GROUP}/{VERSION}"]["serverRelativeURL"]
    assert where.startswith(f"/openapi/v3/apis/{GROUP}/{VERSION}")
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{{namespace}}/{PLURAL}/{{name}}"
    patch = document["paths"][path]["patch"]
    kind = {"group": GROUP, "version": VERSION, "kind": "Gadget"}
    assert patch["x-kubernetes-group-version-kind"] == kind
    assert "fieldValidation" in [item["name"] for item in patch["parameters"]]
    described = [
        schema
        for schema in document["components"]["schemas"].values()
        if kind in schema.get("x-kubernetes-group-version-kind", ())
    ]
    assert "mode" in described[0]["properties"]["spec"]["properties"]


async def test_version_and_health(api: Api):
    assert (await api.get("/version")).body["major"] == "1"
    for path in ("/healthz", "/livez", "/readyz"):
        assert (await api.get(path)).body == "ok"
