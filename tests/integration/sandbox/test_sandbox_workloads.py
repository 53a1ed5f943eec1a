"""Deployments over HTTPS: pods come, roll over, scale and go; a watch sees it happen."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.cluster import SandboxCluster
from tests.integration.sandbox.api import MERGE, Api

pytestmark = pytest.mark.asyncio

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
REPLICASETS = "/apis/apps/v1/namespaces/default/replicasets"
PODS = "/api/v1/namespaces/default/pods"


def deployment(replicas: int) -> dict[str, Any]:
    labels = {"app": "web"}
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example.test/main"}]},
            },
        },
    }


def settled(replicas: int):
    """Whether a Deployment has all its pods new, ready and counted."""

    def holds(body: dict[str, Any]) -> bool:
        status = body.get("status") or {}
        wanted = {"replicas", "readyReplicas", "updatedReplicas", "availableReplicas"}
        return status.get("observedGeneration") == body["metadata"]["generation"] and all(
            status.get(field, 0) == replicas for field in wanted
        )

    return holds


async def test_a_deployment_comes_up_scales_and_goes(api: Api):
    await api.created(DEPLOYMENTS, deployment(3))
    await api.until(f"{DEPLOYMENTS}/web", settled(3))
    patch = {"spec": {"replicas": 5}}
    scaled = await api.call(
        "PATCH", f"{DEPLOYMENTS}/web/scale", patch, headers={"Content-Type": MERGE}
    )
    assert (scaled.code, scaled.body["spec"]["replicas"]) == (200, 5)
    await api.until(f"{DEPLOYMENTS}/web", settled(5))
    scale = (await api.get(f"{DEPLOYMENTS}/web/scale")).body
    assert scale["status"] == {"replicas": 5, "selector": "app=web"}
    await api.call(
        "PATCH",
        f"{DEPLOYMENTS}/web/scale",
        {"spec": {"replicas": 1}},
        headers={"Content-Type": MERGE},
    )
    await api.until(f"{DEPLOYMENTS}/web", settled(1))
    await api.until(PODS, lambda body: len(body["items"]) == 1)
    await api.call("DELETE", f"{DEPLOYMENTS}/web")
    await api.until(PODS, lambda body: body["items"] == [])
    assert (await api.get(REPLICASETS)).body["items"] == []


async def test_a_restart_moves_all_pods_to_a_new_replicaset(api: Api):
    await api.created(DEPLOYMENTS, deployment(3))
    await api.until(f"{DEPLOYMENTS}/web", settled(3))
    before = {pod["metadata"]["name"] for pod in (await api.get(PODS)).body["items"]}
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-01-31T12:00:00Z"}
    await api.call(
        "PATCH",
        f"{DEPLOYMENTS}/web",
        {"spec": {"template": {"metadata": {"annotations": stamp}}}},
        headers={"Content-Type": MERGE},
    )
    await api.until(f"{DEPLOYMENTS}/web", settled(3))
    after = await api.until(PODS, lambda body: len(body["items"]) == 3)
    assert before.isdisjoint(pod["metadata"]["name"] for pod in after["items"])
    sets = (await api.get(REPLICASETS)).body["items"]
    assert sorted(item["spec"]["replicas"] for item in sets) == [0, 3]


async def test_pods_that_have_no_room_stay_pending(tmp_path: Path):
    async with (
        SandboxCluster(tmp_path / "sandbox", nodes=2, max_pods=2) as cluster,
        aiohttp.ClientSession() as session,
    ):
        api = Api(cluster, session)
        assert len((await api.get("/api/v1/nodes")).body["items"]) == 2
        await api.created(DEPLOYMENTS, deployment(3))
        await api.until(f"{DEPLOYMENTS}/web", lambda body: body["status"].get("readyReplicas") == 2)
        phases = [pod["status"]["phase"] for pod in (await api.get(PODS)).body["items"]]
        assert sorted(phases) == ["Pending", "Running", "Running"]


async def test_deleting_a_namespace_takes_its_contents_along(api: Api):
    await api.created("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    path = DEPLOYMENTS.replace("default", "shop")
    await api.created(path, deployment(2))
    await api.until(f"{path}/web", settled(2))
    await api.call("DELETE", "/api/v1/namespaces/shop")
    await api.until("/api/v1/namespaces/shop", lambda body: body.get("code") == 404)
    assert (await api.get("/api/v1/namespaces/shop/pods")).body["items"] == []
