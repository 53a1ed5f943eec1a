"""The flight recorder of the running daemon, as JSON lines."""

import json

import pytest

from tests.integration.scaler.manifests import NAMESPACE, autoscaler, deployment
from tests.integration.scaler.pages import fetch, scrape
from tests.integration.scaler.world import world


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_records_tell_each_evaluation_its_rule_and_what_would_change_it(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.until(w.clock.now() + 10_000)
        await w.scaler()
        await w.until(w.clock.now() + 5_000)
        await w.apply(autoscaler())
        await w.until(w.turn("web", after=4) + 2_000)
        url = w.running[0].url + "/records?autoscaler="
        code, body = await fetch(f"{url}{NAMESPACE}/web")
        assert code == 200
        lines = [json.loads(line) for line in body.splitlines()]
        assert [line["applied"] for line in lines].count("scaled") >= 1
        for line in lines:
            assert line["autoscaler"] == f"{NAMESPACE}/web"
            assert line["steps"][-1]["rule"] == line["rule"]
            assert line["otherwise"].startswith("would ")
            assert line["readings"][0]["state"] == "ok"
        grown = next(line for line in lines if line["applied"] == "scaled")
        assert grown["decision"].startswith("scaled from 2 to ")
        assert (await scrape(w.running[0])).value("wpa_scaler_flight_recorder_bytes") > 100
        code, body = await fetch(url + "nobody/there")
        assert code == 404
        assert "NAMESPACE/NAME" in body
