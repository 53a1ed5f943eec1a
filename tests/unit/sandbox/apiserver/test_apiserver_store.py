"""The store as in-process controllers use it."""

import asyncio
from typing import Any

import pytest

from kube.vocab.selectors import parse_selector
from sandbox.apiserver.kinds.resources import (
    CONFIGMAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    Resource,
)
from sandbox.apiserver.storage.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
)
from sandbox.apiserver.storage.fields import parse_fields
from sandbox.apiserver.storage.store import Store
from tests.contract.apiserver.objects import GADGET_DEFINITION, configmap, deployment


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.millis = 1_767_225_600_000

    def now(self) -> int:
        return self.millis

    def monotonic(self) -> float:
        return self.millis / 1000


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(clock: HandClock) -> Store:
    return Store(clock, seed=1)


def pod(name: str, *owners: dict[str, Any], node: str = "", **labels: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "labels": labels, "ownerReferences": list(owners)}
    return {"metadata": meta, "spec": {"nodeName": node} if node else {}}


def owner(obj: dict[str, Any]) -> dict[str, Any]:
    meta = obj["metadata"]
    return {"kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}


def test_results_are_copies(store: Store):
    made = store.create(CONFIGMAPS, "default", configmap("a", x="1"))
    made["data"]["x"] = "changed"
    store.get(CONFIGMAPS, "default", "a")["data"]["x"] = "changed"
    store.list(CONFIGMAPS)[0]["data"]["x"] = "changed"
    assert store.get(CONFIGMAPS, "default", "a")["data"] == {"x": "1"}


def test_same_seed_gives_the_same_uids(clock: HandClock):
    uids = [
        Store(clock, seed=5).create(CONFIGMAPS, "default", configmap("a"))["metadata"]["uid"]
        for _ in range(2)
    ]
    assert uids[0] == uids[1]


def test_versions_grow_over_all_resources(store: Store):
    first = store.create(CONFIGMAPS, "default", configmap("a"))
    second = store.create(PODS, "default", pod("p"))
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, second)]
    assert versions[0] < versions[1] == store.version


def test_typed_errors(store: Store):
    store.create(CONFIGMAPS, "default", configmap("a"))
    with pytest.raises(AlreadyExists):
        store.create(CONFIGMAPS, "default", configmap("a"))
    with pytest.raises(NotFound):
        store.get(CONFIGMAPS, "default", "b")
    stale = configmap("a", x="1")
    stale["metadata"]["resourceVersion"] = "1"
    with pytest.raises(Conflict):
        store.update(CONFIGMAPS, "default", "a", stale)
    with pytest.raises(Invalid):
        store.create(DEPLOYMENTS, "default", deployment("web", replicas=-1))


def test_deployment_needs_a_selector_that_fits_its_template(store: Store):
    body = deployment("web")
    body["spec"]["selector"]["matchLabels"] = {"app": "other"}
    with pytest.raises(Invalid, match="does not match template"):
        store.create(DEPLOYMENTS, "default", body)


def test_list_by_label_and_field(store: Store):
    for name, node in (("p1", "n1"), ("p2", "n2")):
        store.create(PODS, "default", pod(name, node=node, app="web"))
    by_field = parse_fields("spec.nodeName=n2", PODS)
    found = store.list(PODS, "default", parse_selector("app=web"), by_field)
    assert [item["metadata"]["name"] for item in found] == ["p2"]


def test_running_pod_waits_for_its_grace_period(store: Store, clock: HandClock):
    store.create(PODS, "default", pod("p", node="n1"))
    marked = store.delete(PODS, "default", "p", grace_seconds=10)
    assert not marked.removed
    assert marked.object["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:10Z"
    again = store.delete(PODS, "default", "p")
    assert again.object["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:10Z"
    clock.millis += 10_000
    assert store.delete(PODS, "default", "p", grace_seconds=0).removed
    assert store.list(PODS) == []


def test_pod_without_a_node_goes_at_once(store: Store):
    store.create(PODS, "default", pod("p"))
    assert store.delete(PODS, "default", "p").removed


def test_owned_objects_go_with_the_last_owner(store: Store):
    web = store.create(DEPLOYMENTS, "default", deployment("web"))
    other = store.create(DEPLOYMENTS, "default", deployment("other"))
    replicas = deployment("web-1")
    replicas["metadata"]["ownerReferences"] = [owner(web)]
    replicas.pop("kind")
    child = store.create(REPLICASETS, "default", replicas)
    store.create(PODS, "default", pod("grandchild", owner(child)))
    store.create(PODS, "default", pod("shared", owner(child), owner(other)))
    store.delete(DEPLOYMENTS, "default", "web")
    assert store.list(REPLICASETS) == []
    [left] = store.list(PODS)
    assert left["metadata"]["name"] == "shared"
    assert [ref["name"] for ref in left["metadata"]["ownerReferences"]] == ["other"]


def test_orphans_stay_without_their_owner(store: Store):
    web = store.create(DEPLOYMENTS, "default", deployment("web"))
    store.create(PODS, "default", pod("p", owner(web)))
    store.delete(DEPLOYMENTS, "default", "web", orphan=True)
    [left] = store.list(PODS)
    assert "ownerReferences" not in left["metadata"]


def test_namespace_waits_for_what_holds_its_contents(store: Store):
    store.create(NAMESPACES, "", {"metadata": {"name": "shop"}})
    held = configmap("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    store.create(CONFIGMAPS, "shop", held)
    store.create(PODS, "shop", pod("p", node="n1"))
    assert not store.delete(NAMESPACES, "", "shop").removed
    assert store.get(NAMESPACES, "", "shop")["status"]["phase"] == "Terminating"
    assert store.list(PODS, "shop") == []
    with pytest.raises(Forbidden, match="being terminated"):
        store.create(CONFIGMAPS, "shop", configmap("late"))
    released = store.get(CONFIGMAPS, "shop", "held")
    released["metadata"]["finalizers"] = []
    store.update(CONFIGMAPS, "shop", "held", released)
    assert store.find(NAMESPACES, "", "shop") is None


def test_definition_takes_its_objects_along(store: Store):
    store.create(DEFINITIONS, "", GADGET_DEFINITION)
    gadgets = Resource("contract.example.com", "v1", "gadgets", "Gadget", custom=True)
    store.create(gadgets, "default", {"metadata": {"name": "g"}, "spec": {}})
    assert store.delete(DEFINITIONS, "", "gadgets.contract.example.com").removed
    assert store.list(gadgets) == []


@pytest.mark.asyncio
async def test_watch_begins_with_what_exists_and_goes_on(store: Store):
    store.create(CONFIGMAPS, "default", configmap("a"))
    watch = store.watch(CONFIGMAPS)
    store.create(CONFIGMAPS, "default", configmap("b"))
    store.delete(CONFIGMAPS, "default", "a")
    seen = []
    async for event in watch:
        seen.append((event.type, event.object["metadata"]["name"]))
        if len(seen) == 3:
            watch.close()
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


@pytest.mark.asyncio
async def test_cancelled_wait_loses_no_event(store: Store):
    watch = store.watch(CONFIGMAPS)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watch), 0.001)
    store.create(CONFIGMAPS, "default", configmap("a"))
    assert (await anext(watch)).object["metadata"]["name"] == "a"


@pytest.mark.asyncio
async def test_history_is_bounded(clock: HandClock):
    store = Store(clock, history=2)
    since = store.version
    for name in "abc":
        store.create(CONFIGMAPS, "default", configmap(name))
    with pytest.raises(Gone, match="too old resource version"):
        store.watch(CONFIGMAPS, since=since)
    watch = store.watch(CONFIGMAPS, since=since + 1)
    assert [event.object["metadata"]["name"] for event in await watch.batch(0)] == ["b", "c"]


@pytest.mark.asyncio
async def test_watcher_that_never_reads_is_cut_off(store: Store):
    store.create(CONFIGMAPS, "default", configmap("a"))
    watch = store.watch(CONFIGMAPS)
    for count in range(10_001):
        store.update(CONFIGMAPS, "default", "a", configmap("a", x=str(count)))
    with pytest.raises(Gone, match="too slow"):
        await watch.batch(0)
