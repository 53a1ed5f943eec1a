"""Ready pods are counted by owner, not by label."""

from typing import Any

import msgspec
import pytest

from sandbox.workload.consumers import read_ready_pods


def _object(name: str, uid: str, owner: str = "", **more: Any) -> dict[str, Any]:
    owners = [{"uid": owner, "controller": True, "kind": "X", "name": "x"}] if owner else []
    labels = {"app": "deployment-forethought-kodo-kodo-x"}
    return {
        "metadata": {"name": name, "uid": uid, "ownerReferences": owners, "labels": labels}
    } | more


def _pod(name: str, owner: str, ready: str = "True", phase: str = "Running") -> dict[str, Any]:
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}
    return _object(name, name, owner, status=status)


@pytest.mark.asyncio
async def test_pods_with_the_same_labels_belong_to_their_own_deployment() -> None:
    leaving = _pod("leaving", "rs-x")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    lists = {
        "/apis/apps/v1/namespaces/kodo/deployments": [
            _object("kodo-x", "d-x"),
            _object("kodo-x-metric", "d-m"),
        ],
        "/apis/apps/v1/namespaces/kodo/replicasets": [
            _object("kodo-x-1", "rs-x", "d-x"),
            _object("kodo-x-0", "rs-x-old", "d-x"),
            _object("kodo-x-metric-1", "rs-m", "d-m"),
            _object("foreign", "rs-f", "d-f"),
        ],
        "/api/v1/namespaces/kodo/pods": [
            _pod("x1", "rs-x"),
            _pod("x2", "rs-x-old"),
            _pod("m1", "rs-m"),
            _pod("unready", "rs-m", ready="False"),
            _pod("done", "rs-m", phase="Succeeded"),
            leaving,
            _pod("foreign", "rs-f"),
            _pod("bare", ""),
        ],
    }

    async def get(path: str) -> bytes:
        return msgspec.json.encode({"kind": "List", "items": lists[path]})

    assert await read_ready_pods(get, ["kodo"]) == {
        "kodo/kodo-x": {"x1", "x2"},
        "kodo/kodo-x-metric": {"m1"},
    }
