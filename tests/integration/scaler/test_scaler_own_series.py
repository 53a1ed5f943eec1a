"""The scaler's series beyond upstream's, and the labels that DD_LABELS_AS_TAGS names (W-M10)."""

import asyncio

import pytest
from aiohttp import web

from scaler.core.label_tags import read_label_tags
from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.pages import scrape
from tests.integration.scaler.world import world

WEB = {"wpa_namespace": NAMESPACE, "wpa_name": "web"}


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_evidence_rule_lag_and_reversals(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        backlog = w.metrics.follow("backlog", [(0, 4000), (200, 100)])
        backlog.start, backlog.age = w.clock.now(), 7
        await w.until(w.clock.now() + 10_000)
        await w.scaler()
        await w.until(w.clock.now() + 5_000)
        await w.apply(
            autoscaler(upscaleForbiddenWindowSeconds=1, downscaleForbiddenWindowSeconds=1)
        )
        await w.eventually(lambda: w.replicas("web") == 4, 60)
        await w.until(w.turn("web", after=2) + 2_000)
        page = await scrape(w.running[0])
        assert page.values("wpa_scaler_binding_rule", **WEB) == [1]
        assert page.value("wpa_scaler_binding_rule", **WEB, rule="within_watermarks") == 1
        metric = WEB | {"metric_name": "backlog"}
        assert page.value("wpa_scaler_evidence_state", **metric, state="ok") == 1
        assert 7 <= page.value("wpa_scaler_evidence_age_seconds", **metric) < 9
        for name in (
            "spec_replicas",
            "running_replicas",
            "owned_pods",
            "ready_pods",
            "counted_pods",
        ):
            assert page.value(f"wpa_scaler_{name}", **WEB) == 4, name
        assert page.value("wpa_scaler_direction_reversals_total", **WEB) == 0
        await w.eventually(lambda: w.replicas("web") == 2, 300)
        await w.until(w.turn("web", after=2) + 2_000)
        page = await scrape(w.running[0])
        assert page.value("wpa_scaler_direction_reversals_total", **WEB) == 1
        asked = page.value("wpa_scaler_readings_total", type="External", state="ok")
        assert asked == page.value("wpa_scaler_sample_age_seconds_count") > 10
        assert page.value("wpa_scaler_sample_age_seconds_bucket", le="5.0") == 0
        assert page.value("wpa_scaler_sample_age_seconds_bucket", le="10.0") == asked
        evaluated = sum(page.values("wpa_scaler_evaluations_total"))
        assert page.value("wpa_scaler_decision_lag_seconds_count") == evaluated
        assert page.value("wpa_scaler_decision_lag_seconds_bucket", le="0.1") == evaluated


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_missing_metric_has_a_state_and_no_age(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", None)
        await w.scaler()
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler())
        await w.until(w.clock.now() + 20_000)
        page = await scrape(w.running[0])
        metric = WEB | {"metric_name": "backlog"}
        assert page.values("wpa_scaler_evidence_state", **metric) == [1]
        assert page.value("wpa_scaler_evidence_state", **metric, state="empty") == 1
        assert page.values("wpa_scaler_evidence_age_seconds", **metric) == []
        assert page.value("wpa_scaler_readings_total", type="External", state="empty") >= 1
        assert page.values("wpa_scaler_delay_countdown_seconds", **WEB) == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_delay_counts_down_in_its_direction(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.until(w.clock.now() + 10_000)
        await w.scaler()
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler(upscaleDelayAboveWatermarkSeconds=90))
        await w.until(w.clock.now() + 50_000)
        page = await scrape(w.running[0])
        name = "wpa_scaler_delay_countdown_seconds"
        assert 35 <= page.value(name, **WEB, transition="upscale") <= 75
        assert page.value(name, **WEB, transition="downscale") == 0
        assert page.value("wpa_scaler_binding_rule", **WEB, rule="upscale_delay") == 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_writes_are_counted_by_cause(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.until(w.clock.now() + 10_000)
        await w.scaler(leader_election=True)
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler())
        await w.until(w.clock.now() + 40_000)
        page = await scrape(w.running[0])

        def writes(cause: str) -> float:
            return page.value("wpa_scaler_api_writes_total", cause=cause)

        assert writes("scale") == len(w.writes("PUT", "/scale")) == 1
        statuses = writes("status_decision") + writes("status_values")
        assert statuses == len(w.writes("PATCH", "/status"))
        assert writes("event") >= 1
        assert writes("lease") >= 10
        assert writes("finalizer") == 0
        assert page.value("wpa_scaler_status_write_failures_total") == 0


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_labels_of_objects_become_labels_of_a_series(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.scaler(label_tags=read_label_tags("app.kubernetes.io/name team"))
        await w.until(w.clock.now() + 5_000)
        wpa = autoscaler()
        wpa["metadata"]["labels"] = {"app.kubernetes.io/name": "kodo", "tier": "1"}
        await w.apply(wpa)
        await w.until(w.clock.now() + 20_000)
        page = await scrape(w.running[0])
        (sample,) = [one for one in page.samples if one.name == "wpa_controller_labels_info"]
        assert (sample.value, sample.labels) == (
            1,
            {
                "app_kubernetes_io_name": "kodo",
                "team": "",
                "wpa_name": "web",
                "wpa_namespace": NAMESPACE,
                "resource_namespace": NAMESPACE,
                "namespace": NAMESPACE,
                "dry_run": "false",
            },
        )


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_v14_what_is_watched_and_since_when_it_is_silent(tmp_path):
    open_watches: list[asyncio.Transport] = []

    async def note(request: web.Request) -> None:
        if request.query.get("watch") == "true" and request.transport is not None:
            open_watches.append(request.transport)

    async with world(tmp_path) as w:
        w.faults.append(note)
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 2000)
        await w.scaler()
        await w.until(w.clock.now() + 5_000)
        applied = w.clock.now() / 1000
        await w.apply(autoscaler())
        await w.until(w.clock.now() + 20_000)
        everywhere = {"watched_namespace": ""}

        async def told(name: str) -> float:
            return (await scrape(w.running[0])).value(f"wpa_scaler_watch_{name}", **everywhere)

        version = int(w.wpa("web")["metadata"]["resourceVersion"])
        assert await told("resource_version") == version
        heard = await told("heard_timestamp_seconds")
        assert applied <= heard <= w.clock.now() / 1000
        assert await told("restarts_total") == 0
        open_watches[-1].abort()
        await w.patch("web", b'{"metadata":{"labels":{"team":"a"}}}')
        await w.until(w.clock.now() + 30_000)
        assert await told("restarts_total") == 1
        assert await told("heard_timestamp_seconds") > heard
        assert await told("resource_version") > version
        assert (await scrape(w.running[0])).values("wpa_scaler_relists_total") == []
