"""Pods start, become Ready and go exactly when their annotations say, in virtual time."""

import asyncio

import pytest

from kube.vocab.times import SECOND, format_rfc3339
from sandbox.apiserver.kinds.conditions import condition_of, holds
from sandbox.apiserver.kinds.resources import NODES, PODS
from tests.unit.sandbox.controllers.workloads import (
    EPOCH,
    counts,
    deploy,
    phases,
    pods,
    retag,
    running,
    scale,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime(start=0)]


async def until(second: float) -> None:
    """Just after that second of the loop's time."""
    await asyncio.sleep(second + 0.01 - asyncio.get_running_loop().time())


async def test_running_and_ready_come_when_the_template_says():
    async with running() as store:
        deploy(store, "web", 2, start_after="5s", ready_after="40s")
        await until(0)
        assert counts(store, "web") == {
            "replicas": 2,
            "updatedReplicas": 2,
            "unavailableReplicas": 2,
        }
        await until(4.9)
        assert phases(store) == {"Pending": 2}
        await until(5)
        assert phases(store) == {"Running": 2}
        await until(39.9)
        assert phases(store) == {"Running": 2}
        await until(40)
        assert phases(store) == {"Ready": 2}
        assert counts(store, "web") == {
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        }


async def test_a_pod_tells_when_it_was_accepted_when_it_got_ready_and_where_it_is():
    async with running() as store:
        deploy(store, "web", 2, start_after="5s", ready_after="40s")
        await until(41)
        for pod in pods(store):
            assert pod["status"]["startTime"] == format_rfc3339(EPOCH)
            ready = condition_of(pod, "Ready")
            assert ready is not None
            assert ready["lastTransitionTime"] == format_rfc3339(EPOCH + 40 * SECOND)
            assert holds(pod, "PodScheduled")
            assert holds(pod, "ContainersReady")
            assert pod["status"]["containerStatuses"][0]["ready"] is True
        assert len({pod["status"]["podIP"] for pod in pods(store)}) == 2
        assert {pod["spec"]["nodeName"] for pod in pods(store)} == {"node-1", "node-2"}


async def test_start_time_can_be_left_out_and_readiness_can_stay_away():
    async with running() as store:
        deploy(store, "web", 1, start_after="1s", ready_after="never", no_start_time="true")
        await until(3600)
        assert phases(store) == {"Running": 1}
        assert "startTime" not in pods(store)[0]["status"]


async def test_an_annotation_that_is_no_duration_leaves_the_pod_pending_and_says_why():
    async with running() as store:
        deploy(store, "web", 1, ready_after="soon")
        await until(60)
        status = pods(store)[0]["status"]
        assert (status["phase"], status["reason"]) == ("Pending", "InvalidAnnotation")
        assert (
            "sandbox.watermark-autoscaler/ready-after: 'soon' is not a duration"
            in (status["message"])
        )
        scale(store, "web", 0)
        await until(61)
        assert pods(store) == []


async def test_downscale_takes_pods_that_are_not_ready_first_and_then_the_youngest():
    async with running() as store:
        deploy(store, "web", 2, start_after="1s", ready_after="10s")
        await until(30)
        first = {pod["metadata"]["name"] for pod in pods(store)}
        scale(store, "web", 4)
        await until(45)
        second = {pod["metadata"]["name"] for pod in pods(store)} - first
        scale(store, "web", 6)
        await until(48)
        scale(store, "web", 4)
        await until(51)
        assert {pod["metadata"]["name"] for pod in pods(store)} == first | second
        scale(store, "web", 2)
        await until(54)
        assert {pod["metadata"]["name"] for pod in pods(store)} == first


async def test_a_deleted_pod_stays_terminating_for_a_while_but_is_replaced_at_once():
    async with running() as store:
        deploy(store, "web", 1, ready_after="0s", start_after="0s", stop_after="8s")
        await until(5)
        store.delete(PODS, "default", pods(store)[0]["metadata"]["name"])
        await until(6)
        assert phases(store) == {"Terminating": 1, "Ready": 1}
        assert counts(store, "web")["replicas"] == 1
        await until(12.9)
        assert phases(store) == {"Terminating": 1, "Ready": 1}
        await until(13)
        assert phases(store) == {"Ready": 1}


async def test_the_grace_period_caps_how_long_a_pod_takes_to_stop():
    async with running() as store:
        deploy(store, "web", 1, stop_after="never")
        await until(5)
        store.delete(PODS, "default", pods(store)[0]["metadata"]["name"], grace_seconds=3)
        await until(7.9)
        assert phases(store).get("Terminating") == 1
        await until(8)
        assert "Terminating" not in phases(store)


async def test_pods_beyond_the_room_of_the_nodes_wait_and_start_when_there_is_room():
    async with running(nodes=2, max_pods=3) as store:
        deploy(store, "web", 5, start_after="1s", ready_after="10s", stop_after="1s")
        await until(20)
        assert phases(store) == {"Ready": 3, "Pending": 2}
        waiting = [pod for pod in pods(store) if pod["status"]["phase"] == "Pending"]
        scheduled = condition_of(waiting[0], "PodScheduled")
        assert scheduled is not None
        assert scheduled["reason"] == "Unschedulable"
        assert scheduled["message"] == "0/2 nodes are available: 2 Too many pods."
        node = store.get(NODES, "", "node-1")
        node["status"]["allocatable"]["pods"] = "4"
        store.update(NODES, "", "node-1", node, "status")
        await until(29.9)
        assert phases(store) == {"Ready": 3, "Running": 2}
        await until(30.1)
        assert phases(store) == {"Ready": 5}


async def test_cordoned_nodes_get_no_pods():
    async with running(nodes=2) as store:
        node = store.get(NODES, "", "node-1")
        node["spec"] = {"unschedulable": True}
        store.update(NODES, "", "node-1", node)
        deploy(store, "web", 4)
        await until(2)
        assert {pod["spec"]["nodeName"] for pod in pods(store)} == {"node-2"}


async def test_what_others_write_into_a_status_stays():
    async with running() as store:
        deploy(store, "web", 2)
        await until(5)
        failed, unready = pods(store)
        failed["status"].update(phase="Failed", reason="Evicted")
        store.update(PODS, "default", failed["metadata"]["name"], failed, "status")
        for item in unready["status"]["conditions"]:
            if item["type"] == "Ready":
                item["status"] = "False"
        store.update(PODS, "default", unready["metadata"]["name"], unready, "status")
        await until(60)
        assert phases(store) == {"Failed": 1, "Running": 1, "Ready": 1} or phases(store) == {
            "Ready": 2,
            "Running": 1,
        }
        assert store.get(PODS, "default", failed["metadata"]["name"])["status"]["phase"] == "Failed"
        assert counts(store, "web")["replicas"] == 2
        assert counts(store, "web")["readyReplicas"] == 1


async def test_a_thousand_pods_are_ready_on_time():
    async with running(nodes=3) as store:
        deploy(store, "web", 1000, start_after="1s", ready_after="2s")
        await until(2)
        assert phases(store) == {"Ready": 1000}
        retag(store, "web", "example.test/main:2")
        await until(60)
        assert phases(store) == {"Ready": 1000}
        assert {pod["spec"]["containers"][0]["image"] for pod in pods(store)} == {
            "example.test/main:2"
        }
