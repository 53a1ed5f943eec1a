"""Tables: what `kubectl get` shows."""

import pytest

from tests.contract.apiserver.client import TABLE, Api
from tests.contract.apiserver.objects import configmap, deployment, gadget

pytestmark = pytest.mark.asyncio

WIDE = {"Name": 0, "Ready": 0, "Up-to-date": 0, "Available": 0, "Age": 0,
        "Containers": 1, "Images": 1, "Selector": 1}  # fmt: skip


async def test_table_of_deployments(api: Api):
    path = api.path("deployments", group="apps")
    await api.created(path, deployment("web", replicas=2))
    table = (await api.get(path, accept=TABLE)).body
    columns = {item["name"]: item["priority"] for item in table["columnDefinitions"]}
    assert columns == WIDE
    [row] = table["rows"]
    assert row["cells"][:2] == ["web", "0/2"]
    assert row["cells"][5:] == ["main", "example.com/none", "app=web"]


NARROW = {
    "/api/v1/nodes": "Name Status Roles Age Version",
    "/api/v1/namespaces": "Name Status Age",
    "/api/v1/configmaps": "Name Data Age",
    "/api/v1/secrets": "Name Type Data Age",
    "/api/v1/services": "Name Type Cluster-IP External-IP Port(s) Age",
    "/api/v1/events": "Last_Seen Type Reason Object Message",
    "/apis/apps/v1/replicasets": "Name Desired:integer Current:integer Ready:integer Age",
    "/apis/apps/v1/statefulsets": "Name Ready Age",
    "/apis/coordination.k8s.io/v1/leases": "Name Holder Age",
    "/apis/apiregistration.k8s.io/v1/apiservices": "Name Service Available Age",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings": "Name Role Age",
}


@pytest.mark.parametrize("path", NARROW)
async def test_columns_of_built_in_kinds(api: Api, path: str):
    table = (await api.get(path, accept=TABLE, limit="1")).body
    shown = []
    for item in table["columnDefinitions"]:
        name = item["name"].replace(" ", "_")
        if item["priority"] == 0:
            shown.append(name if item["type"] == "string" else f"{name}:{item['type']}")
    assert shown == NARROW[path].split()


async def test_table_of_pods_begins_like_kubectl(api: Api):
    pod = {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "none", "containers": [{"name": "main", "image": "i"}]},
    }
    await api.created(api.path("pods"), pod)
    table = (await api.get(api.path("pods"), accept=TABLE)).body
    names = [item["name"] for item in table["columnDefinitions"]]
    assert names[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    [row] = table["rows"]
    assert row["cells"][:3] == ["p", "0/1", "Pending"]


@pytest.mark.parametrize(
    ("include", "kind"), [("Object", "Gadget"), ("Metadata", "PartialObjectMetadata")]
)
async def test_rows_carry_as_much_of_the_object_as_asked_for(
    api: Api, gadgets: str, include: str, kind: str
):
    await api.created(gadgets, gadget("g"))
    table = (await api.get(gadgets, accept=TABLE, includeObject=include)).body
    assert [row["object"]["kind"] for row in table["rows"]] == [kind]


async def test_rows_without_objects(api: Api, gadgets: str):
    await api.created(gadgets, gadget("g"))
    [row] = (await api.get(gadgets, accept=TABLE, includeObject="None")).body["rows"]
    assert not row.get("object")


async def test_table_is_paged_and_selected(api: Api):
    for name in ("a", "b", "c"):
        await api.created(api.path("configmaps"), configmap(name, {"k": "v"}))
    table = (await api.get(api.path("configmaps"), accept=TABLE, labelSelector="k", limit="2")).body
    assert [row["cells"][0] for row in table["rows"]] == ["a", "b"]
    assert table["metadata"]["continue"]


async def test_failure_stays_a_status(api: Api, gadgets: str):
    answer = await api.get(f"{gadgets}/none", accept=TABLE)
    assert (answer.code, answer.body["kind"]) == (404, "Status")
