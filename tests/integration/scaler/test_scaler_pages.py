"""What the scaler serves: upstream's series, the decisions page, probes (D27)."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from sandbox.controllers.pod_script import PREFIX
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment, external
from tests.integration.scaler.pages import fetch, scrape, shown
from tests.integration.scaler.world import World, world

COMMON = {
    "wpa_name": "web",
    "wpa_namespace": NAMESPACE,
    "resource_namespace": NAMESPACE,
    "resource_name": "web",
    "resource_kind": "Deployment",
    "target_name": "web",
    "namespace": NAMESPACE,
    "dry_run": "false",
}


async def grown(w: World, **spec: Any) -> None:
    """An object that went from 2 to 4 and is in its windows."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 4000)
    await w.until(w.clock.now() + 10_000)
    await w.scaler()
    await w.until(w.clock.now() + 5_000)
    await w.apply(autoscaler(**spec))
    await w.until(w.turn("web", after=2) + 2_000)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_objects_series_have_upstreams_names_labels_and_units(tmp_path):
    async with world(tmp_path) as w:
        await grown(w)
        page = await scrape(w.running[0])
        expected = {
            "value": ({"metric_name": "backlog"}, 1_000_000),
            "high_watermark": ({"metric_name": "backlog"}, 1_000_000),
            "high_watermak": ({"metric_name": "backlog"}, 1_000_000),
            "low_watermark": ({"metric_name": "backlog"}, 100_000),
            "low_watermak": ({"metric_name": "backlog"}, 100_000),
            "replicas_scaling_proposal": ({"metric_name": "backlog"}, 4),
            "replicas_scaling_effective": ({}, 4),
            "min_replicas": ({}, 1),
            "max_replicas": ({}, 10),
            "dry_run": ({}, 0),
            "scaling_active": ({}, 1),
            "upscale_replicas_total": ({}, 2),
            "downscale_replicas_total": ({}, 0),
        }
        for name, (extra, value) in expected.items():
            labels = COMMON | extra
            assert page.values(f"wpa_controller_{name}", **labels) == [value], name
        reasons = {"upscale_capping": 0, "downscale_capping": 0, "within_bounds": 1}
        for reason, value in reasons.items():
            found = page.value("wpa_controller_restricted_scaling", **COMMON, reason=reason)
            assert found == value
        up = page.value("wpa_controller_transition_countdown", **COMMON, transition="upscale")
        down = page.value("wpa_controller_transition_countdown", **COMMON, transition="downscale")
        assert 40 <= up <= 60
        assert 280 <= down <= 300
        able = page.value("wpa_controller_conditions", **COMMON, condition="able_to_scale")
        assert able == 0, "in its windows"
        assert page.value("wpa_scaler_api_requests_total", verb="update", code="200") == 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_switching_dry_run_moves_all_series_to_the_other_label(tmp_path):
    async with world(tmp_path) as w:
        await grown(w)
        before = (await scrape(w.running[0])).of("web")
        await w.patch("web", b'{"spec": {"dryRun": true}}')
        await w.until(w.clock.now() + 3_000)
        after = (await scrape(w.running[0])).of("web")
        # Series of ours carry the object's names alone, and go on.
        assert {labels.get("dry_run", "") for _, labels in before} == {"", "false"}
        assert {labels.get("dry_run", "") for _, labels in after} == {"", "true"}
        assert sorted(name for name, _ in before) == sorted(name for name, _ in after)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_series_vanish_with_their_object_over_many_lives(tmp_path):
    async with world(tmp_path) as w:
        await w.scaler()
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.until(w.clock.now() + 10_000)
        empty = len((await scrape(w.running[0])).samples)
        sizes = []
        for number in range(12):
            await w.apply(autoscaler(f"wpa-{number}", target="web"))
            await w.until(w.clock.now() + 3_000)
            page = await scrape(w.running[0])
            sizes.append(len(page.of(f"wpa-{number}")))
            w.store.delete(w.wpas, NAMESPACE, f"wpa-{number}")
            await w.until(w.clock.now() + 1_000)
        page = await scrape(w.running[0])
        assert set(sizes) == {sizes[0]}
        assert sizes[0] > 15
        assert not [one for one in page.samples if "wpa_name" in one.labels]
        assert page.value("wpa_scaler_autoscalers") == 0
        # What is new are counters of the daemon itself, by verb and rule.
        assert len(page.samples) - empty < 250


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_two_metrics_of_one_name_make_no_series_twice(tmp_path):
    async with world(tmp_path) as w:
        w.metrics.show("backlog", 1000, queue="a")
        w.metrics.show("backlog", 1200, queue="b")
        metrics = [external("backlog", queue="a"), external("backlog", queue="b")]
        w.deploy(deployment("web", 2))
        await w.until(w.clock.now() + 10_000)
        await w.apply(autoscaler(metrics=metrics))
        await w.scaler()
        await w.until(w.clock.now() + 20_000)
        found = (await scrape(w.running[0])).of("web")
        keys = [(name, tuple(sorted(labels.items()))) for name, labels in found]
        assert len(keys) == len(set(keys))
        page = await scrape(w.running[0])
        assert page.value("wpa_controller_value", wpa_name="web") == 600_000, "the later one"
        assert len((await shown(w.running[0]))["web"]["metrics"]) == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_decisions_page_tells_what_was_seen_and_why(tmp_path):
    async with world(tmp_path) as w:
        await grown(w)
        w.deploy(deployment("idle", 1))
        await w.apply(autoscaler("later", target="nobody"))
        await w.until(w.clock.now() + 2_000)
        page = await shown(w.running[0])
        assert list(page) == ["later", "web"]
        web_ = page["web"]
        assert (web_["currentReplicas"], web_["desiredReplicas"]) == (4, 4)
        assert (web_["ownedPods"], web_["readyPods"], web_["countedPods"]) == (4, 4, 4)
        assert web_["target"] == "Deployment/web"
        assert web_["rule"] == "within_watermarks"
        assert web_["lastScaleTime"] == w.status("web")["lastScaleTime"]
        metric = web_["metrics"][0]
        assert (metric["name"], metric["state"], metric["valid"]) == ("backlog", "ok", True)
        assert (metric["sum"], metric["value"], metric["proposal"]) == ("4k", "1k", 4)
        assert (metric["lowWatermark"], metric["highWatermark"]) == ("100", "1k")
        assert page["later"]["rule"] == "target_unreadable"
        assert PREFIX not in str(page)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_ready_means_that_the_autoscalers_were_listed(tmp_path):
    async with world(tmp_path) as w:
        gate = asyncio.Event()

        async def hold(request: web.Request) -> None:
            if request.path.endswith("/watermarkpodautoscalers"):
                await gate.wait()

        w.faults.append(hold)
        scaler = await w.scaler()
        await w.until(w.clock.now() + 3_000)
        code, text = await fetch(scaler.health + "/readyz?verbose")
        assert code == 500
        assert "autoscalers-listed" in text
        for probe in ("/healthz", "/livez"):
            assert (await fetch(scaler.health + probe))[0] == 200
        gate.set()
        await w.until(w.clock.now() + 3_000)
        assert (await fetch(scaler.health + "/readyz"))[0] == 200


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_without_the_crd_the_scaler_waits_and_is_not_ready(tmp_path):
    async with world(tmp_path) as w:
        definition = w.uninstall()
        scaler = await w.scaler()
        await w.until(w.clock.now() + 20_000)
        assert (await fetch(scaler.health + "/readyz"))[0] == 500
        assert (await fetch(scaler.health + "/livez"))[0] == 200
        await w.apply(definition)
        await w.until(w.clock.now() + 15_000)
        assert (await fetch(scaler.health + "/readyz"))[0] == 200
