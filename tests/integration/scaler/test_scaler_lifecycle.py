"""Lifecycle control: a monitor that is not OK stops everything but the looking (§19)."""

from itertools import pairwise
from typing import Any

import pytest

from kube.client.requests import Resource
from sandbox.apiserver.kinds.definitions import defined_resources
from sandbox.apiserver.kinds.resources import CLUSTERROLES, DEFINITIONS
from tests.datadog_monitors import PLURAL, definition, monitor, watched
from tests.integration.scaler.manifests import NAMESPACE, Object, autoscaler, deployment
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import World, world

MONITORS = Resource("datadoghq.com", "v1alpha1", PLURAL)
SERIES = "wpa_controller_lifecycle_control_status"


async def observed(w: World, *monitors: Object, **spec: Any) -> None:
    """A scaler, and a watched target of 2 that its value wants to be 5. Without `monitors` there
    is not even the kind.
    """
    if monitors:
        await w.apply(definition())
        (kind,) = defined_resources(w.store.get(DEFINITIONS, "", f"{PLURAL}.{MONITORS.group}"))
        for one in monitors:
            w.store.create(kind, NAMESPACE, one)
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 5000)
    await w.until(w.clock.now() + 5_000)
    await w.apply(watched(autoscaler(**spec)))
    await w.scaler()


def looks(w: World) -> list[float]:
    """Seconds between two looks at the monitor."""
    at = [call.at for call in w.writes("GET", f"/{PLURAL}/web")]
    return [(later - earlier) / 1000 for earlier, later in pairwise(at)]


def targets_touched(w: World) -> int:
    """Requests about the target, its pods and its metrics."""
    paths = ("/scale", "/pods", "/backlog")
    return sum(call.path.endswith(paths) and call.agent == "wpa-controller" for call in w.calls)


async def states(w: World, state: str) -> None:
    """What the Datadog operator does when the monitor changes."""
    body = b'{"status":{"monitorState":"%s"}}' % state.encode()
    await w.patch("web", body, MONITORS)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("monitors", "rest", "rule"),
    [
        ([], 120, "monitor_unreadable"),
        ([monitor("web", NAMESPACE)], 60, "monitor_not_ok"),
        ([monitor("web", NAMESPACE, monitorState=1)], 60, "monitor_not_ok"),
        ([monitor("web", NAMESPACE, monitorState="Alert")], 60, "monitor_not_ok"),
        ([monitor("other", NAMESPACE, monitorState="OK")], 120, "monitor_unreadable"),
    ],
    ids=["no such kind", "silent", "no text", "alert", "missing"],
)
async def test_a_blocked_autoscaler_is_looked_at_after_its_rest_and_nothing_else_is(
    tmp_path, monitors, rest, rule
):
    async with world(tmp_path) as w:
        await observed(w, *monitors, minReplicas=3)  # a count below is not corrected either
        await w.until(w.clock.now() + 620_000)
        assert looks(w) == pytest.approx([rest] * (600 // rest), abs=0.3)
        assert targets_touched(w) == 0
        assert w.replicas("web") == 2
        assert w.condition("web", "ScalingActive")["reason"] == "FailedProcessWPA"
        assert w.condition("web", "AbleToScale") == {}
        scaler = w.running[0]
        assert (await shown(scaler))["web"]["rule"] == rule
        page = await scrape(scaler)
        labels = {"lifecycle_status": "blocked", "monitor_name": "web"}
        assert page.value(SERIES, **labels, monitor_namespace=NAMESPACE, dry_run="false") == 1
        told = [one["count"] for one in w.events("web", "FailedGetDatadogMonitor")]
        assert told == ([1] if rule == "monitor_unreadable" else [])


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_it_proceeds_when_the_monitor_is_ok_and_delays_begin_anew(tmp_path):
    """A block is a gap without good samples (D15, U8)."""
    async with world(tmp_path) as w:
        await observed(w, monitor("web", NAMESPACE, monitorState="OK"))
        await w.until(w.clock.now() + 30_000)
        assert w.replicas("web") == 4
        assert w.condition("web", "ScalingBlocked")["reason"] == "DatadogMonitorOK"
        assert (await scrape(w.running[0])).value(SERIES) == 0
        body = b'{"spec":{"downscaleDelayBelowWatermarkSeconds":300}}'
        await w.patch("web", body)
        w.metrics.show("backlog", 200)
        await w.until(w.clock.now() + 290_000)
        await states(w, "No Data")
        await w.until(w.clock.now() + 1_000_000)
        blocked = w.condition("web", "ScalingBlocked")
        assert blocked["message"] == (
            f"monitor {NAMESPACE}/web is in No Data state, blocking the WPA from proceeding"
        )
        await states(w, "OK")
        freed = w.clock.now()
        await w.until(freed + 500_000)
        ((first, _), *_) = w.curve("web", freed)
        assert 300 <= first <= 300 + 60 + 15
        assert w.condition("web", "ScalingActive")["status"] == "True"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_edit_ends_the_rest_and_the_annotation_the_block(tmp_path):
    async with world(tmp_path) as w:
        await observed(w)
        await w.until(w.clock.now() + 30_000)
        assert w.replicas("web") == 2
        off = b'{"metadata":{"annotations":{"%s":null}}}'
        await w.patch("web", off % b"wpa.datadoghq.com/lifecycle-control.enabled")
        await w.until(w.clock.now() + 2_000)
        assert w.replicas("web") == 4
        assert w.condition("web", "ScalingBlocked")["status"] == "True"  # upstream's last word
        assert (await scrape(w.running[0])).values(SERIES) == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_without_the_right_it_is_blocked_and_the_event_names_the_right(tmp_path):
    async with world(tmp_path) as w:
        role = w.store.get(CLUSTERROLES, "", "wpa-scaler")
        role["rules"] = [one for one in role["rules"] if PLURAL not in one.get("resources", [])]
        w.store.update(CLUSTERROLES, "", "wpa-scaler", role)
        await observed(w, monitor("web", NAMESPACE, monitorState="OK"))
        await w.until(w.clock.now() + 30_000)
        (event,) = w.events("web", "FailedGetDatadogMonitor")
        assert "grant it with a Role or ClusterRole" in event["message"]
        assert w.replicas("web") == 2
