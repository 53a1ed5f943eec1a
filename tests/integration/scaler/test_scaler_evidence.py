"""Without good evidence nothing is scaled, and the object says what is missing (D13, D15-D17)."""

import aiohttp.web
import pytest

from sandbox.apiserver.kinds.resources import CLUSTERROLES
from tests.integration.scaler.manifests import (
    LABELS,
    METRIC,
    autoscaler,
    deployment,
    external,
    split,
)
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import SYSTEM, World, world

WPA = "kodo-x-metric"
HELD = "the WPA was unable to compute the replica count: "


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_outage_holds_the_count_and_starts_the_downscale_delay_anew(tmp_path):
    """R000-D."""
    steps = [(0, 400), (60, 9000), (240, 3000), (600, None), (720, 200)]
    async with world(tmp_path) as w:
        w.deploy(deployment("kodo-x-metric", 2, LABELS, start_after="5s", ready_after="40s"))
        w.metrics.show(METRIC, 400, consumer="kodo-x-metric")
        await w.until(w.clock.now() + 60_000)
        await w.apply(split(WPA))
        scaler = await w.scaler()
        start = w.turn(WPA, after=30)
        w.metrics.follow(METRIC, steps, consumer="kodo-x-metric").start = start

        await w.until(start + 590_000)
        assert (await scrape(scaler)).value("wpa_controller_value", wpa_name=WPA) == 375_000
        await w.until(start + 715_000)
        active = w.condition(WPA, "ScalingActive")
        assert (active["status"], active["reason"]) == ("False", "FailedGetExternalMetric")
        assert active["message"].startswith(HELD + "unable to get external metric")
        assert "no metrics returned from external metrics API" in active["message"]
        page = await scrape(scaler)
        assert page.values("wpa_controller_value", wpa_name=WPA) == []
        assert page.value("wpa_controller_scaling_active", wpa_name=WPA) == 0
        assert [event["count"] for event in w.events(WPA, "FailedGetExternalMetric")] == [1]

        await w.until(start + 725_000)
        below = w.condition(WPA, "BelowLowWatermark")
        assert below["status"] == "True"
        assert w.condition(WPA, "ScalingActive")["reason"] == "ValidMetricFound"
        await w.until(start + 1_215_000)
        curve = [(round(at), count) for at, count in w.curve("kodo-x-metric", start)]
        wanted = [(90, 4), (120, 8), (1020, 6), (1080, 5), (1140, 4), (1200, 3)]
        assert curve == wanted
        assert [event["count"] for event in w.events(WPA, "FailedGetExternalMetric")] == [1]


def not_json(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.Response(text="<html>", content_type="text/html")


def not_a_quantity(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.json_response({"items": [{"value": "many"}]})


def failing(_request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.json_response(
        {"kind": "Status", "code": 500, "reason": "InternalError", "message": "out of disk"},
        status=500,
    )


async def held(w: World, words: str, state: str) -> None:
    """Two minutes pass; the target stays at 2 although the metric read 5000 before."""
    await w.until(w.clock.now() + 120_000)
    assert w.replicas("web") == 2
    active = w.condition("web", "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "FailedGetExternalMetric")
    assert words in active["message"], active["message"]
    events = w.events("web", "FailedGetExternalMetric")
    assert [event["count"] for event in events] == [1]
    assert words in events[0]["message"]
    page = await shown(w.running[0])
    assert page["web"]["metrics"][0]["state"] == state
    assert page["web"]["decision"]


async def calm_then(w: World) -> None:
    """An evaluated object inside its marks."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 1000)
    await w.until(w.clock.now() + 5_000)
    await w.apply(autoscaler())
    await w.scaler()
    await w.until(w.clock.now() + 40_000)
    assert w.condition("web", "ScalingActive")["status"] == "True"


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (not_json, "the answer cannot be read"),
        (not_a_quantity, "many"),
        (failing, "out of disk"),
    ],
)
async def test_a_lying_backend_moves_nothing(tmp_path, answer, words):
    async with world(tmp_path) as w:
        await calm_then(w)
        w.metrics.answer = answer
        await held(w, words, "error")
        w.metrics.answer = None
        w.metrics.show("backlog", 5000)
        await w.until(w.clock.now() + 90_000)
        assert w.replicas("web") == 5


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_unknown_metric_is_named(tmp_path):
    async with world(tmp_path) as w:
        await calm_then(w)
        del w.metrics.series["backlog"]
        await held(w, "could not find the metric backlog", "not_found")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_forbidden_metric_is_named_with_who_may_not(tmp_path):
    async with world(tmp_path) as w:
        await calm_then(w)
        role = w.store.get(CLUSTERROLES, "", "wpa-scaler")
        for rule in role["rules"]:
            if rule["apiGroups"] == ["external.metrics.k8s.io"]:
                rule["resources"] = ["another"]
        w.store.update(CLUSTERROLES, "", "wpa-scaler", role)
        w.metrics.show("backlog", 5000)
        user = "system:serviceaccount:watermark-autoscaler:wpa-scaler"
        await held(w, f'User "{user}" cannot list resource "backlog"', "forbidden")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_dead_backend_is_held_out_and_recovered_from(tmp_path):
    """The API server answers 503 text/plain, which is no Status."""
    async with world(tmp_path) as w:
        await calm_then(w)
        await w.backend.aclose()
        w.metrics.show("backlog", 5000)
        await held(w, "error trying to reach service", "error")
        await w.serve_metrics()
        await w.until(w.clock.now() + 90_000)
        assert w.replicas("web") == 5
        assert w.condition("web", "ScalingActive")["status"] == "True"


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(("annotation", "oldest"), [(None, 120), ("30", 30)])
async def test_a_sample_is_fresh_up_to_its_maximum_age(tmp_path, annotation, oldest):
    """D16: exactly the maximum age is fresh; the oldest of several series decides."""
    async with world(tmp_path) as w:
        await calm_then(w)
        if annotation:
            body = b'{"metadata": {"annotations": {"wpa.datadoghq.com/max-sample-age": "30"}}}'
            await w.patch("web", body)
        w.metrics.show("backlog", 5000).age = oldest + 2
        await held(w, f"older than the maximum of {oldest} s", "stale")
        w.metrics.show("backlog", 5000).age = oldest - 1
        await w.until(w.clock.now() + 90_000)
        assert w.replicas("web") == 5


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_prometheus_adapters_nan_is_no_value(tmp_path):
    async with world(tmp_path) as w:
        await calm_then(w)
        w.metrics.show("backlog", "-9223372036854775808m")
        await held(w, "not a number", "nan")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_one_missing_metric_stops_shrinking_and_lets_growth_through(tmp_path):
    """D13."""
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 4))
        w.metrics.show("backlog", 40)
        w.metrics.show("other", None)
        metrics = [external("backlog"), external("other")]
        await w.apply(autoscaler(metrics=metrics))
        await w.scaler()
        await w.until(w.clock.now() + 120_000)
        assert w.replicas("web") == 4
        active = w.condition("web", "ScalingActive")
        assert (active["status"], active["reason"]) == ("True", "ValidMetricFound")
        assert active["message"].endswith("(unavailable: other: empty)"), active["message"]
        w.metrics.show("backlog", 6000)
        await w.until(w.clock.now() + 20_000)
        assert w.replicas("web") == 6
        await w.until(w.clock.now() + 120_000)
        (event,) = w.events("web", "FailedGetExternalMetric")
        assert (event["type"], event["count"]) == ("Warning", 1)
        assert "/other/" in event["message"]
        assert event["message"].endswith("no metrics returned from external metrics API")
        assert w.events("web", "FailedComputeMetricsReplicas") == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_while_the_token_is_expired_nothing_moves(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler())
        token, name = tmp_path / "token", (SYSTEM, "wpa-scaler")
        token.write_text(w.cluster.service_account_token(*name, seconds=100))
        expiry = w.clock.now() + 100_000
        await w.scaler(w.kubeconfig(tokenFile=str(token)))
        await w.until(expiry + 1_000)
        assert w.condition("web", "ScalingActive")["status"] == "True"
        w.metrics.show("backlog", 5000)
        await w.until(expiry + 100_000)
        assert {call.code for call in w.calls if call.at > expiry + 2_000} == {401}
        assert w.replicas("web") == 2
        token.write_text(w.cluster.service_account_token(*name))
        await w.until(w.clock.now() + 35_000)
        assert w.replicas("web") == 4
        page = await scrape(w.running[0])
        assert page.values("wpa_scaler_evaluations_total", rule="crash") == []
