"""Lifecycle control against the real control plane, with the DatadogMonitor kind and without."""

import json
from collections.abc import Iterator

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.kubectl import Kubectl
from tests.controlplane.waiting import eventually
from tests.controlplane.workloads import apply
from tests.datadog_monitors import GROUP, PLURAL, definition, monitor, watched
from tests.e2e.scaler.bench import WITHIN, Bench
from tests.e2e.scaler.objects import autoscaler, workload

KIND = f"{PLURAL}.{GROUP}"
SERIES = "wpa_controller_lifecycle_control_status"


@pytest.fixture
def with_kind(cluster: ControlPlane) -> Iterator[None]:
    """The DatadogMonitor kind, while a test needs it."""
    apply(cluster.kubectl, definition())
    cluster.kubectl("wait", f"crd/{KIND}", "--for=condition=Established")
    yield
    cluster.kubectl("delete", "crd", KIND)


def edit(kubectl: Kubectl, kind: str, name: str, change: object) -> None:
    kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(change))


def blocked(bench: Bench, name: str, reason: str, message: str) -> None:
    """It says so in every way, and nothing else happened to it."""
    found = bench.await_condition("ScalingBlocked", "True", reason, name)
    assert found["message"] == f"monitor {bench.namespace}/{name} {message}"
    active = bench.condition("ScalingActive", name)
    assert (active["status"], active["reason"]) == ("False", "FailedProcessWPA")
    assert active["message"] == "Error happened while processing the WPA"
    assert bench.condition("AbleToScale", name) == {}
    assert (bench.series(SERIES, name), bench.series("wpa_controller_scaling_active", name)) == (
        1,
        0,
    )
    status = bench.status(name)
    assert (status["lastConditionType"], status["lastConditionState"]) == ("ScalingBlocked", "True")


def test_without_the_kind_an_autoscaler_is_blocked_and_the_event_says_why(bench: Bench):
    bench.apply(watched(autoscaler(minReplicas=2)))
    blocked(bench, "web", "FailedGetDatadogMonitor", "not found, blocking the WPA from proceeding")
    (event,) = eventually(lambda: bench.events("FailedGetDatadogMonitor"))
    assert (event["type"], event.get("count", 1)) == ("Warning", 1)
    assert f"{PLURAL}/web: 404 NotFound" in event["message"]
    assert bench.denied() == []


@pytest.mark.usefixtures("with_kind")
def test_each_state_of_the_monitor(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(500)
    names = ("silent", "odd", "alert", "missing")
    bench.apply(
        monitor("silent"),
        monitor("odd", monitorState=7),
        monitor("alert", monitorState="Alert"),
        monitor("web", monitorState="OK"),
        *(watched(autoscaler(name, minReplicas=9)) for name in names),
    )
    end = "blocking the WPA from proceeding"
    blocked(bench, "silent", "DatadogMonitorNotOK", f"state not found, {end}")
    blocked(bench, "odd", "DatadogMonitorNotOK", f"state not found, {end}")
    blocked(bench, "alert", "DatadogMonitorNotOK", f"is in Alert state, {end}")
    blocked(bench, "missing", "FailedGetDatadogMonitor", f"not found, {end}")
    (event,) = eventually(lambda: bench.events("FailedGetDatadogMonitor", "missing"))
    assert f'{PLURAL}.{GROUP} "missing" not found' in event["message"]
    assert [bench.events("FailedGetDatadogMonitor", name) for name in names[:3]] == [[], [], []]
    assert bench.replicas() == 2

    bench.apply(watched(autoscaler()))
    bench.await_replicas(5)
    found = bench.await_condition("ScalingBlocked", "False", "DatadogMonitorOK")
    where = f"{bench.namespace}/web"
    assert found["message"] == f"monitor {where} is in a OK state, allowing the WPA from proceeding"
    assert bench.series(SERIES) == 0
    assert bench.denied() == []


@pytest.mark.usefixtures("with_kind")
def test_a_block_begins_and_ends_with_the_monitor(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(150)
    bench.apply(monitor("web", monitorState="OK"), watched(autoscaler()))
    bench.await_condition("ScalingActive", "True", "ValidMetricFound")
    edit(bench.kubectl, KIND, "web", {"status": {"monitorState": "No Data"}})
    bench.await_condition("ScalingBlocked", "True", "DatadogMonitorNotOK")
    bench.show(500)
    bench.kubectl("scale", "deployment/web", "--replicas=12")
    writes = len(bench.scale_writes())
    # An edit is looked at before the rest of a minute is over; the block stands.
    edit(bench.kubectl, "wpa", "web", {"spec": {"maxReplicas": 8}})
    eventually(
        lambda: bench.status().get("observedGeneration"),
        lambda seen: seen == bench.wpa()["metadata"]["generation"],
        within=WITHIN,
    )
    assert (bench.replicas(), len(bench.scale_writes())) == (12, writes)
    edit(bench.kubectl, KIND, "web", {"status": {"monitorState": "OK"}})
    edit(bench.kubectl, "wpa", "web", {"spec": {"maxReplicas": 9}})
    bench.await_condition("ScalingBlocked", "False", "DatadogMonitorOK")
    bench.await_replicas(9)


def test_an_annotation_that_is_no_boolean_is_off_and_told(bench: Bench):
    bench.run(workload("Deployment", "web", 2))
    bench.show(500)
    bench.apply(watched(autoscaler(), "yes"))
    bench.await_replicas(5)
    found = bench.await_condition("ScalingBlocked", "False", "FailedGetDatadogMonitor")
    assert found["message"] == (
        "Lifecycle Control is not correctly enabled: strconv.ParseBool: parsing "
        '"yes": invalid syntax'
    )
    assert bench.series(SERIES) is None
    assert bench.events("FailedGetDatadogMonitor") == []
