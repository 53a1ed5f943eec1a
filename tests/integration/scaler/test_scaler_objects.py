"""Autoscalers that are wrong: each has its own condition, hides no other, and can go (D21, D28)."""

import pytest

from kube.client.requests import Request, path_of
from tests.integration.scaler.manifests import NAMESPACE, Object, autoscaler, deployment
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import AUTOSCALERS, World, world

FINALIZER = "finalizer.watermarkpodautoscaler.datadoghq.com"


def undecodable(name: str) -> Object:
    """What a cluster without our rules may hold."""
    return autoscaler(name, minReplicas="three")


def inverted(name: str) -> Object:
    """Bounds the wrong way round."""
    return autoscaler(name, minReplicas=9, maxReplicas=3)


def too_large(name: str) -> Object:
    """With a count that upstream's typed list cannot take, nor anything listed beside it (U46)."""
    return autoscaler(name, maxReplicas=2**31)


def far_too_large(name: str) -> Object:
    """With a count that no machine word holds."""
    return autoscaler(name, maxReplicas=2**80)


async def delete(w: World, name: str) -> None:
    """What `kubectl delete` sends."""
    await w.admin.send(Request(operation="delete", path=path_of(AUTOSCALERS, NAMESPACE, name)))


async def with_good_one(w: World, *others: Object) -> None:
    """A scaler with a good object that has to grow, and others that were there before."""
    w.deploy(deployment("web", 2))
    w.deploy(deployment("bad", 2))
    w.metrics.show("backlog", 4000)
    for other in others:
        w.put(other)
    await w.apply(autoscaler("web"))
    await w.scaler()
    await w.until(w.clock.now() + 35_000)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_invalid_object_is_refused_once_per_version_and_recovers(tmp_path):
    async with world(tmp_path) as w:
        await with_good_one(w, inverted("bad"))
        assert w.replicas("web") == 4
        await w.until(w.clock.now() + 300_000)
        able = w.condition("bad", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "FailedSpecCheck")
        assert able["message"].startswith("Invalid WPA specification: watermark pod autoscaler")
        assert w.condition("bad", "ScalingActive")["status"] == "False"
        assert [event["count"] for event in w.events("bad", "FailedSpecCheck")] == [1]
        assert w.status("bad")["observedGeneration"] == 1
        assert (await shown(w.running[0]))["bad"]["rule"] == "invalid_spec"

        wpa = w.wpa("bad")
        wpa["spec"]["minReplicas"] = 8
        w.store.update(w.wpas, NAMESPACE, "bad", wpa)
        await w.until(w.clock.now() + 60_000)
        assert [event["count"] for event in w.events("bad", "FailedSpecCheck")] == [2]

        wpa = w.wpa("bad")
        wpa["spec"]["minReplicas"] = 1
        w.store.update(w.wpas, NAMESPACE, "bad", wpa)
        await w.until(w.clock.now() + 20_000)
        assert w.replicas("bad") == 3
        assert w.condition("bad", "AbleToScale")["reason"] != "FailedSpecCheck"
        assert w.status("bad")["observedGeneration"] == 3


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("late", [False, True], ids=["in-the-list", "in-the-watch"])
async def test_an_undecodable_object_hides_no_other(tmp_path, late):
    async with world(tmp_path) as w:
        await with_good_one(w, *([] if late else [undecodable("bad")]))
        if late:
            w.put(undecodable("bad"))
            await w.apply(autoscaler("after", target="bad"))
        await w.until(w.clock.now() + 40_000)
        assert w.replicas("web") == 4
        assert w.replicas("bad") == (4 if late else 2)
        able = w.condition("bad", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "FailedSpecCheck")
        assert "minReplicas" in able["message"]
        assert [event["count"] for event in w.events("bad", "FailedSpecCheck")] == [1]
        assert w.status("bad")["observedGeneration"] == 1
        page = await scrape(w.running[0])
        assert page.values("wpa_controller_value", wpa_name="bad") == []
        assert page.value("wpa_scaler_autoscalers") == (3 if late else 2)

        wpa = w.wpa("bad")
        wpa["spec"]["minReplicas"] = 3
        w.store.update(w.wpas, NAMESPACE, "bad", wpa)
        await w.until(w.clock.now() + 20_000)
        assert w.condition("bad", "AbleToScale")["reason"] != "FailedSpecCheck"
        assert w.status("bad")["observedGeneration"] == 2


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("make", [too_large, far_too_large])
async def test_a_count_beyond_32_bits_is_refused_and_hides_no_other(tmp_path, make):  # D28
    async with world(tmp_path) as w:
        await with_good_one(w, make("bad"))
        assert w.replicas("web") == 4
        able = w.condition("bad", "AbleToScale")
        assert (able["status"], able["reason"]) == ("False", "FailedSpecCheck")
        assert able["message"].startswith("Invalid WPA specification: ")
        assert "maxReplicas" in able["message"]
        assert w.replicas("bad") == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_undecodable_object_keeps_what_its_status_says(tmp_path):
    """Its last scaling still counts once it is mended (D24)."""
    async with world(tmp_path) as w:
        w.put(undecodable("bad"))
        wpa = w.wpa("bad")
        wpa["status"] = {
            "currentReplicas": 4,
            "desiredReplicas": 4,
            "lastScaleTime": "2026-01-31T11:59:00Z",
            "scalingEventsCount": 7,
        }
        w.store.update(w.wpas, NAMESPACE, "bad", wpa, "status")
        await with_good_one(w)
        status = w.status("bad")
        assert w.condition("bad", "AbleToScale")["reason"] == "FailedSpecCheck"
        assert status["lastScaleTime"] == "2026-01-31T11:59:00Z"
        assert (status["desiredReplicas"], status["scalingEventsCount"]) == (4, 7)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("make", [autoscaler, inverted, undecodable])
async def test_upstreams_finalizer_holds_no_object_back(tmp_path, make):
    async with world(tmp_path) as w:
        wpa = make("bad")
        wpa["metadata"]["finalizers"] = [FINALIZER, "example.test/other"]
        await with_good_one(w, wpa)
        assert w.wpa("bad")["metadata"]["finalizers"] == [FINALIZER, "example.test/other"]
        await delete(w, "bad")
        await w.until(w.clock.now() + 5_000)
        assert w.wpa("bad")["metadata"]["finalizers"] == ["example.test/other"]
        left = w.wpa("bad")
        left["metadata"]["finalizers"] = []
        w.store.update(w.wpas, NAMESPACE, "bad", left)
        await w.until(w.clock.now() + 1_000)
        page = await scrape(w.running[0])
        assert page.of("bad") == []
        assert page.value("wpa_scaler_api_writes_total", cause="finalizer") == 1
        assert w.store.find(w.wpas, NAMESPACE, "bad") is None


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_objects_get_no_finalizer_and_their_spec_is_not_rewritten(tmp_path):
    async with world(tmp_path) as w:
        await w.apply(autoscaler("web"))
        before = w.wpa("web")
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.scaler()
        await w.until(w.clock.now() + 60_000)
        after = w.wpa("web")
        assert w.replicas("web") == 4
        assert after["spec"] == before["spec"]
        assert "finalizers" not in after["metadata"]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_only_the_named_namespaces_are_looked_after(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler("web"))
        others = await w.scaler(namespaces=("default", "kube-public"))
        await w.until(w.clock.now() + 40_000)
        assert w.replicas("web") == 2
        assert await shown(others) == {}
        ours = await w.scaler(namespaces=("default", NAMESPACE))
        await w.until(w.clock.now() + 20_000)
        assert w.replicas("web") == 4
        assert list(await shown(ours)) == ["web"]
        lists = {call.path for call in w.calls if call.path.endswith(AUTOSCALERS.plural)}
        assert all("/namespaces/" in path for path in lists)
