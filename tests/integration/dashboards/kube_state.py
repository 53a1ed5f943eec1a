"""What kube-state-metrics shows of the pods of a cluster, and a virtual node for some of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiohttp import web

from kube.client.requests import Patch, Resource, create_of, get_of, list_of, patch_of
from kube.client.transport import ApiClient
from kube.service.listeners import listening
from kube.service.settings import Address
from sandbox.workload.exposition import CONTENT_TYPE

NODES: Final = Resource("", "v1", "nodes", namespaced=False)
PODS: Final = Resource("", "v1", "pods")
VIRTUAL_NODE: Final = "virtual-kubelet-cn-hangzhou-k"


async def add_virtual_node(client: ApiClient) -> None:
    """A node named as elastic capacity names them, with room as a real one has."""
    model = msgspec.json.decode(await client.send(get_of(NODES, "", "node-1")))
    node = {"metadata": {"name": VIRTUAL_NODE}, "spec": {}}
    await client.send(create_of(NODES, "", msgspec.json.encode(node)))
    status = msgspec.json.encode({"status": model["status"]})
    await client.send(patch_of(NODES, "", VIRTUAL_NODE, status, Patch.MERGE, subresource="status"))


@asynccontextmanager
async def kube_state_metrics(client: ApiClient) -> AsyncIterator[int]:
    """Serve `kube_pod_info` of all pods as they are at each scrape; yields the port."""

    async def metrics(_request: web.Request) -> web.Response:
        listed: dict[str, Any] = msgspec.json.decode(await client.send(list_of(PODS)))
        lines = [
            "# HELP kube_pod_info [STABLE] Information about pod.",
            "# TYPE kube_pod_info gauge",
        ]
        lines += [pod_info(pod) for pod in listed["items"]]
        return web.Response(text="\n".join([*lines, ""]), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    async with listening(app, Address("127.0.0.1", 0), flag="none") as bound:
        yield bound.port


def pod_info(pod: dict[str, Any]) -> str:
    """The line of a pod, with kube-state-metrics' labels."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    owners = [one for one in meta.get("ownerReferences", []) if one.get("controller")]
    owner = owners[0] if owners else {}
    labels = {
        "namespace": meta["namespace"],
        "pod": meta["name"],
        "uid": meta["uid"],
        "host_ip": status.get("hostIP", ""),
        "pod_ip": status.get("podIP", ""),
        "node": spec.get("nodeName", ""),
        "created_by_kind": owner.get("kind", ""),
        "created_by_name": owner.get("name", ""),
        "priority_class": spec.get("priorityClassName", ""),
        "host_network": str(spec.get("hostNetwork", False)).lower(),
    }
    text = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"kube_pod_info{{{text}}} 1"
