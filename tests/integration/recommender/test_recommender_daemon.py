"""The whole scaler with the sample recommender: counts, conditions, status, series, outages."""

import pytest
import yaml
from aiohttp import web

from tests.integration.recommender.sample import EXAMPLE, Asked, sample, serving
from tests.integration.scaler.manifests import NAMESPACE, deployment
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

NAME = "recommender{targetType:cpu,profile:web}"


def recommended(port: int, path: str = "/autoscaling", **spec):
    """The example's own autoscaler, pointed at the served sample."""
    wpa = yaml.safe_load((EXAMPLE / "autoscaler.yaml").read_text())
    wpa["metadata"]["namespace"] = NAMESPACE
    wpa["spec"]["recommender"]["url"] = f"http://127.0.0.1:{port}{path}"
    wpa["spec"].update(spec)
    return wpa


async def test_the_sample_scales_a_deployment(tmp_path):
    asked = Asked()
    async with serving(sample(), asked) as port, world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        await w.until(w.clock.now() + 10_000)
        # The sample stamps its replies with real time, which is not this world's.
        wpa = recommended(port, "/autoscaling/redirect")
        wpa["metadata"]["annotations"] = {"wpa.datadoghq.com/max-sample-age": "9999999999"}
        await w.apply(wpa)
        scaler = await w.scaler(cluster_name="lab")
        start = w.turn("web")
        await w.until(start + 140_000)

        curve = [count for _, count in w.curve("web", start)]
        assert curve == [3, 4, 5]
        assert asked.paths[:2] == ["/autoscaling/redirect", "/autoscaling"]
        document = asked.documents[0]
        assert document["targetRef"]["cluster"] == "lab"
        assert document["targetRef"]["namespace"] == NAMESPACE
        assert document["settings"] == {"profile": "web"}
        assert document["targets"] == [{"type": "cpu", "lowerBound": 0.5, "upperBound": 0.8}]

        active = w.condition("web", "ScalingActive")
        assert (active["status"], active["reason"]) == ("True", "ValidMetricFound")
        assert f"a replica count from {NAME} because: one more than the " in active["message"]
        # The sample's bounds hold the current count, so nothing is urgent.
        assert w.condition("web", "AboveHighWatermark")["status"] == "False"
        assert w.status("web")["currentMetrics"] == [
            {
                "type": "Resource",
                "external": {"metricName": NAME, "metricSelector": {}, "currentValue": "0"},
            }
        ]
        page = await scrape(scaler)
        labels = {"wpa_name": "web", "metric_name": NAME}
        assert page.value("wpa_controller_high_watermark", **labels) == 800
        assert page.value("wpa_controller_replicas_scaling_proposal", **labels) == 6
        url = f"http://127.0.0.1:{port}/autoscaling/redirect"
        for code in ("308", "200"):
            calls = page.value("http_client_requests_total", client=url, method="post", code=code)
            assert calls >= 9
        entry = (await shown(scaler))["web"]
        (metric,) = entry["metrics"]
        assert (metric["type"], metric["name"], metric["state"]) == ("Recommender", NAME, "ok")
        assert (metric["recommended"], metric["lowerBound"], metric["upperBound"]) == (6, 4, 7)


async def test_an_outage_of_the_recommender_holds_the_count(tmp_path):
    replies: list[web.Response] = []

    async def answer(_request: web.Request) -> web.Response:
        # Nothing else prepared is an outage.
        return replies.pop() if replies else web.Response(status=503, text="on strike")

    app = web.Application()
    app.router.add_post("/autoscaling", answer)
    async with serving(app, Asked()) as port, world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        await w.until(w.clock.now() + 10_000)
        await w.apply(recommended(port, upscaleDelayAboveWatermarkSeconds=30))
        await w.scaler()
        start = w.turn("web")
        await w.until(start + 40_000)
        assert w.replicas("web") == 2
        active = w.condition("web", "ScalingActive")
        assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
        text = f"unable to get external recommendation {NAME}: "
        text += "unexpected response code: 503 (on strike)"
        assert active["message"].endswith(text)
        (event,) = w.events("web", "FailedGetResourceMetric")
        assert (event["message"], event["count"]) == (text, 1)

        # Without bounds the target is the bound: the delay runs (D34).
        replies[:] = [web.json_response({"targetReplicas": "4", "news": 1}) for _ in range(3)]
        await w.until(start + 64_000)
        assert w.condition("web", "AboveHighWatermark")["status"] == "True"
        assert w.replicas("web") == 2
        await w.until(start + 94_000)
        assert w.replicas("web") == 3
        assert w.events("web", "Scaling")[-1]["message"] == (
            f"New size: 3; reason: {NAME} above target"
        )
