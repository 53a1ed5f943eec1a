"""Rollouts of Deployments and StatefulSets, in virtual time."""

import asyncio

import pytest

from sandbox.apiserver.kinds.conditions import condition_of
from sandbox.apiserver.kinds.resources import (
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICEACCOUNTS,
    STATEFULSETS,
)
from sandbox.controllers.owners import controller_of
from tests.unit.sandbox.controllers.workloads import (
    counts,
    deploy,
    phases,
    pods,
    retag,
    running,
    scale,
    sizes,
    workload,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime(start=0)]


async def until(second: float) -> None:
    await asyncio.sleep(second + 0.01 - asyncio.get_running_loop().time())


async def test_pods_belong_to_a_replicaset_that_belongs_to_the_deployment():
    async with running() as store:
        deploy(store, "web", 1)
        await until(2)
        deployment = store.get(DEPLOYMENTS, "default", "web")
        (replicaset,) = store.list(REPLICASETS)
        (pod,) = pods(store)
        above_pod, above_set = controller_of(pod), controller_of(replicaset)
        assert above_pod is not None
        assert above_set is not None
        assert above_pod["uid"] == replicaset["metadata"]["uid"]
        assert above_set["uid"] == deployment["metadata"]["uid"]
        label = pod["metadata"]["labels"]["pod-template-hash"]
        assert replicaset["metadata"]["name"] == f"web-{label}"
        assert pod["metadata"]["name"].startswith(f"web-{label}-")
        assert replicaset["spec"]["selector"]["matchLabels"]["pod-template-hash"] == label


async def test_deployments_with_the_same_labels_and_template_keep_to_their_own_pods():
    async with running() as store:
        deploy(store, "kodo-x", 2, app="kodo-x")
        deploy(store, "kodo-x-metric", 3, app="kodo-x")
        await until(3)
        scale(store, "kodo-x-metric", 1)
        await until(8)
        assert counts(store, "kodo-x")["readyReplicas"] == 2
        assert counts(store, "kodo-x-metric")["readyReplicas"] == 1


async def test_a_new_template_moves_the_pods_over_within_surge_and_unavailability():
    async with running() as store:
        deploy(store, "web", 8, start_after="1s", ready_after="5s")
        await until(10)
        retag(store, "web", "example.test/main:2")
        seen = set()
        for tenth in range(1, 400):
            await until(10 + tenth / 10)
            state = phases(store)
            seen.add(state.get("Ready", 0))
            assert state.get("Ready", 0) >= 6, state
            active = sum(state.values()) - state.get("Terminating", 0)
            assert active <= 10, state
        assert phases(store) == {"Ready": 8}
        assert sizes(store) == [8, 0]
        assert min(seen) < 8
        progressing = condition_of(store.get(DEPLOYMENTS, "default", "web"), "Progressing")
        assert progressing is not None
        assert progressing["reason"] == "NewReplicaSetAvailable"


async def test_a_template_that_never_gets_ready_keeps_the_old_pods_serving():
    async with running() as store:
        deploy(store, "web", 4)
        await until(5)
        broken = store.get(DEPLOYMENTS, "default", "web")
        annotations = broken["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["sandbox.watermark-autoscaler/ready-after"] = "never"
        store.update(DEPLOYMENTS, "default", "web", broken)
        await until(600)
        assert counts(store, "web")["readyReplicas"] == 3
        assert counts(store, "web")["updatedReplicas"] == 2
        assert counts(store, "web")["replicas"] == 5


async def test_going_back_takes_the_old_replicaset_again():
    async with running() as store:
        deploy(store, "web", 2)
        await until(5)
        names = {rs["metadata"]["name"] for rs in store.list(REPLICASETS)}
        retag(store, "web", "example.test/main:2")
        await until(15)
        retag(store, "web", "example.test/main")
        await until(25)
        (full,) = [rs for rs in store.list(REPLICASETS) if rs["spec"]["replicas"]]
        assert {full["metadata"]["name"]} == names
        revision = "deployment.kubernetes.io/revision"
        assert full["metadata"]["annotations"][revision] == "3"
        assert store.get(DEPLOYMENTS, "default", "web")["metadata"]["annotations"][revision] == "3"


async def test_recreate_waits_for_the_old_pods_to_be_gone():
    async with running() as store:
        web = workload("web", 3, stop_after="5s")
        web["spec"]["strategy"] = {"type": "Recreate"}
        store.create(DEPLOYMENTS, "default", web)
        await until(5)
        retag(store, "web", "example.test/main:2")
        await until(9.9)
        assert phases(store) == {"Terminating": 3}
        await until(12)
        assert phases(store) == {"Ready": 3}


async def test_a_paused_deployment_scales_but_does_not_roll_out():
    async with running() as store:
        deploy(store, "web", 2)
        await until(5)
        paused = store.get(DEPLOYMENTS, "default", "web")
        paused["spec"]["paused"] = True
        store.update(DEPLOYMENTS, "default", "web", paused)
        retag(store, "web", "example.test/main:2")
        scale(store, "web", 4)
        await until(10)
        assert sizes(store) == [4]


async def test_a_rollout_paused_midway_stays_where_it_is():
    async with running() as store:
        web = workload("web", 5, ready_after="1s")
        web["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}
        store.create(DEPLOYMENTS, "default", web)
        await until(5)
        retag(store, "web", "example.test/main:2")
        await until(5.5)
        paused = store.get(DEPLOYMENTS, "default", "web")
        paused["spec"]["paused"] = True
        store.update(DEPLOYMENTS, "default", "web", paused)
        await until(60)
        assert sorted(sizes(store)) == [2, 5]
        scale(store, "web", 7)
        await until(70)
        assert sorted(sizes(store)) == [2, 7]
        paused = store.get(DEPLOYMENTS, "default", "web")
        paused["spec"]["paused"] = False
        store.update(DEPLOYMENTS, "default", "web", paused)
        await until(100)
        assert sorted(sizes(store)) == [0, 7]


async def test_old_replicasets_beyond_the_history_limit_go():
    async with running() as store:
        web = workload("web", 1)
        web["spec"]["revisionHistoryLimit"] = 1
        store.create(DEPLOYMENTS, "default", web)
        for number in range(1, 5):
            await until(number * 10)
            retag(store, "web", f"example.test/main:{number}")
        await until(60)
        assert sizes(store) == [1, 0]


async def test_min_ready_seconds_delays_availability_not_readiness():
    async with running() as store:
        web = workload("web", 1, start_after="0s", ready_after="1s")
        web["spec"]["minReadySeconds"] = 10
        store.create(DEPLOYMENTS, "default", web)
        await until(10.9)
        assert counts(store, "web").get("readyReplicas") == 1
        assert "availableReplicas" not in counts(store, "web")
        await until(11)
        assert counts(store, "web")["availableReplicas"] == 1


async def test_deleting_a_deployment_takes_everything_below_with_it():
    async with running() as store:
        deploy(store, "web", 2)
        await until(5)
        store.delete(DEPLOYMENTS, "default", "web")
        await until(8)
        assert (store.list(REPLICASETS), pods(store)) == ([], [])


async def test_a_statefulset_makes_and_removes_its_pods_in_order():
    async with running() as store:
        db = workload("db", 3, start_after="1s", ready_after="10s", stop_after="1s")
        store.create(STATEFULSETS, "default", db)
        await until(9)
        assert [pod["metadata"]["name"] for pod in pods(store)] == ["db-0"]
        await until(40)
        assert [pod["metadata"]["name"] for pod in pods(store)] == ["db-0", "db-1", "db-2"]
        assert phases(store) == {"Ready": 3}
        scale(store, "db", 1, STATEFULSETS)
        await until(40.5)
        assert phases(store) == {"Ready": 2, "Terminating": 1}
        await until(45)
        assert [pod["metadata"]["name"] for pod in pods(store)] == ["db-0"]
        assert store.get(STATEFULSETS, "default", "db")["status"]["readyReplicas"] == 1


async def test_a_statefulset_renews_its_pods_from_the_last_down_one_at_a_time():
    async with running() as store:
        store.create(STATEFULSETS, "default", workload("db", 3))
        await until(10)
        retag(store, "db", "example.test/main:2", STATEFULSETS)
        for tenth in range(1, 200):
            await until(10 + tenth / 10)
            assert phases(store).get("Ready", 0) >= 2
        images = {pod["spec"]["containers"][0]["image"] for pod in pods(store)}
        assert (images, phases(store)) == ({"example.test/main:2"}, {"Ready": 3})
        status = store.get(STATEFULSETS, "default", "db")["status"]
        assert status["currentRevision"] == status["updateRevision"]


async def test_every_namespace_has_its_default_service_account_and_loses_all_when_deleted():
    async with running() as store:
        store.create(NAMESPACES, "", {"metadata": {"name": "shop"}})
        store.create(DEPLOYMENTS, "shop", workload("web", 2))
        await until(3)
        store.delete(SERVICEACCOUNTS, "shop", "default")
        await until(4)
        assert store.get(SERVICEACCOUNTS, "shop", "default")["metadata"]["name"] == "default"
        assert len(store.list(PODS, "shop")) == 2
        store.delete(NAMESPACES, "", "shop")
        await until(10)
        assert store.find(NAMESPACES, "", "shop") is None
        assert store.list(PODS, "shop") == []
        assert store.list(SERVICEACCOUNTS, "shop") == []


async def test_a_strategy_that_cannot_be_read_stops_only_its_own_deployment():
    async with running() as store:
        odd = workload("odd", 1)
        odd["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": "many"}}
        store.create(DEPLOYMENTS, "default", odd)
        deploy(store, "web", 1)
        await until(5)
        assert counts(store, "web")["readyReplicas"] == 1
        retried = store.get(DEPLOYMENTS, "default", "odd")
        retried["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 1}}
        store.update(DEPLOYMENTS, "default", "odd", retried)
        await until(10)
        assert counts(store, "odd")["readyReplicas"] == 1
