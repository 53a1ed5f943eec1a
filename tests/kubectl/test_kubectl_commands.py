"""The commands that people type, on built-in kinds."""

import json

import pytest

from tests.contract.apiserver.objects import GADGET_DEFINITION, deployment, gadget
from tests.kubectl.conftest import Kubectl

pytestmark = [pytest.mark.asyncio, pytest.mark.kubectl]


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


async def test_api_resources_lists_short_names(kubectl: Kubectl):
    found = {row[0]: row for row in rows(await kubectl.done("api-resources"))}
    assert found["pods"] == ["pods", "po", "v1", "true", "Pod"]
    assert found["deployments"] == ["deployments", "deploy", "apps/v1", "true", "Deployment"]


async def test_get_pods_and_nodes_read_like_a_cluster(kubectl: Kubectl):
    header, pod = rows(await kubectl.done("get", "pods"))
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pod[:4] == ["web-1", "1/1", "Running", "2"]
    header, node = rows(await kubectl.done("get", "nodes"))
    assert node[:3] == ["node-1", "Ready", "<none>"]


async def test_describe_pod_shows_its_events(kubectl: Kubectl):
    text = await kubectl.done("describe", "pod", "web-1")
    assert "Started container main" in text


async def test_deployment_from_apply_to_delete(kubectl: Kubectl):
    body = deployment("web", replicas=2)
    assert "deployment.apps/web created" in await kubectl.done("apply", "-f", "-", stdin=body)
    assert "unchanged" in await kubectl.done("apply", "-f", "-", stdin=body)
    header, row = rows(await kubectl.done("get", "deploy"))
    assert header == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row[:4] == ["web", "0/2", "0", "0"]
    body["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "x"})
    assert "configured" in await kubectl.done("apply", "-f", "-", stdin=body)
    images = "jsonpath={.spec.template.spec.containers[*].image}"
    assert await kubectl.done("get", "deploy", "web", "-o", images) == "example.com/none x"
    assert "Replicas:" in await kubectl.done("describe", "deploy", "web")
    assert "deleted" in await kubectl.done("delete", "deploy", "web")
    assert "NotFound" in (await kubectl.run("get", "deploy", "web")).err


async def test_scale_goes_through_the_subresource(kubectl: Kubectl):
    await kubectl.done("apply", "-f", "-", stdin=deployment("web", replicas=2))
    assert "scaled" in await kubectl.done("scale", "deploy/web", "--replicas", "5")
    path = "/apis/apps/v1/namespaces/default/deployments/web/scale"
    scale = json.loads(await kubectl.done("get", "--raw", path))
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 5})


async def test_patch_of_every_type(kubectl: Kubectl):
    await kubectl.done("apply", "-f", "-", stdin=deployment("web"))
    operations = json.dumps([{"op": "replace", "path": "/spec/replicas", "value": 6}])
    await kubectl.done("patch", "deploy", "web", "--type=json", "-p", operations)
    merge = json.dumps({"metadata": {"annotations": {"a": "b"}}})
    await kubectl.done("patch", "deploy", "web", "--type=merge", "-p", merge)
    strategic = json.dumps(
        {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "y"}]}}}}
    )
    await kubectl.done("patch", "deploy", "web", "-p", strategic)
    found = json.loads(await kubectl.done("get", "deploy", "web", "-o", "json"))
    assert found["spec"]["replicas"] == 6
    assert found["metadata"]["annotations"]["a"] == "b"
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "y"


async def test_label_annotate_and_select(kubectl: Kubectl):
    await kubectl.done("label", "pod", "web-1", "tier=front")
    await kubectl.done("annotate", "pod", "web-1", "note=seen")
    assert "web-1" in await kubectl.done("get", "pods", "-l", "tier=front")
    assert "No resources found" in (await kubectl.run("get", "pods", "-l", "tier=back")).err
    assert "web-1" in await kubectl.done("get", "pods", "--field-selector", "status.phase=Running")


async def test_server_side_apply_and_diff(kubectl: Kubectl):
    body = deployment("web")
    assert "serverside-applied" in await kubectl.done(
        "apply", "--server-side", "-f", "-", stdin=body
    )
    same = await kubectl.run("diff", "-f", "-", stdin=body)
    assert same.code == 0, same


async def test_custom_resource_of_any_kind(kubectl: Kubectl):
    await kubectl.done("apply", "-f", "-", stdin=GADGET_DEFINITION)
    await kubectl.done("wait", "--for=condition=Established", "crd/gadgets.contract.example.com")
    await kubectl.done("apply", "-f", "-", stdin=gadget("g", replicas=1))
    assert "scaled" in await kubectl.done("scale", "gdt/g", "--replicas", "4")
    header, row = rows(await kubectl.done("get", "gdt"))
    assert header == ["NAME", "REPLICAS", "READY", "AGE"]
    assert row[:2] == ["g", "4"]
    assert "deleted" in await kubectl.done("delete", "crd", "gadgets.contract.example.com")
    assert (await kubectl.run("get", "gdt")).code == 1


async def test_namespace_takes_its_objects_along(kubectl: Kubectl):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    await kubectl.done("apply", "-f", "-", stdin=namespace)
    await kubectl.done("apply", "-n", "shop", "-f", "-", stdin=deployment("web"))
    assert "web" in await kubectl.done("get", "deploy", "-A")
    assert "deleted" in await kubectl.done("delete", "ns", "shop")
    assert "No resources found" in (await kubectl.run("get", "deploy", "-A")).err
