"""A store with running controllers, and workloads to put into it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kube.vocab.times import LoopClock, parse_rfc3339
from sandbox.apiserver.kinds.conditions import holds
from sandbox.apiserver.kinds.resources import DEPLOYMENTS, NODES, PODS, REPLICASETS, Resource
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.all_controllers import controllers
from sandbox.controllers.nodes import new_nodes
from sandbox.controllers.pod_script import PREFIX

EPOCH = parse_rfc3339("2026-01-31T12:00:00Z")


@asynccontextmanager
async def running(nodes: int = 2, max_pods: int | None = None) -> AsyncIterator[Store]:
    store = Store(LoopClock(EPOCH), seed=7)
    for node in new_nodes(nodes, store.clock.now(), max_pods):
        store.create(NODES, "", node)
    async with controllers(store):
        yield store


def workload(name: str, replicas: int, app: str = "", **script: str) -> dict[str, Any]:
    """A Deployment or StatefulSet; `start_after="5s"` becomes the annotation start-after."""
    labels = {"app": app or name}
    annotations = {PREFIX + key.replace("_", "-"): text for key, text in script.items()}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels), "annotations": annotations},
                "spec": {"containers": [{"name": "main", "image": "example.test/main"}]},
            },
        },
    }


def deploy(store: Store, name: str, replicas: int, app: str = "", **script: str) -> None:
    store.create(DEPLOYMENTS, "default", workload(name, replicas, app, **script))


def scale(store: Store, name: str, replicas: int, resource: Resource = DEPLOYMENTS) -> None:
    obj = store.get(resource, "default", name)
    obj["spec"]["replicas"] = replicas
    store.update(resource, "default", name, obj)


def retag(store: Store, name: str, image: str, resource: Resource = DEPLOYMENTS) -> None:
    obj = store.get(resource, "default", name)
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
    store.update(resource, "default", name, obj)


def pods(store: Store) -> list[dict[str, Any]]:
    return store.list(PODS, "default")


def phases(store: Store) -> dict[str, int]:
    """How many pods there are in each state: Pending, Running, Ready, Terminating."""
    found: dict[str, int] = {}
    for pod in pods(store):
        state = "Ready" if holds(pod, "Ready") else pod["status"]["phase"]
        state = "Terminating" if "deletionTimestamp" in pod["metadata"] else state
        found[state] = found.get(state, 0) + 1
    return found


def counts(store: Store, name: str) -> dict[str, int]:
    """The numbers in a Deployment's status."""
    status = store.get(DEPLOYMENTS, "default", name)["status"]
    return {key: value for key, value in status.items() if key.endswith("eplicas")}


def sizes(store: Store) -> list[int]:
    """What the ReplicaSets are asked for, the largest first."""
    return sorted((rs["spec"]["replicas"] for rs in store.list(REPLICASETS)), reverse=True)
