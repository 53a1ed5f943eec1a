"""Every scenario file: the count follows exactly the curve that it expects."""

from pathlib import Path

import pytest
import yaml

from sandbox.demo.shipped import manifests_folder
from tests.scenarios.scenario import FOLDER, autoscalers, files, load
from tests.scenarios.stage import staged

FILES = files()
ROWS = sorted({path.parent.name for path in FILES})


@pytest.mark.parametrize("row", ROWS)
def test_the_shipped_examples_are_those_that_the_scenarios_prove(row: str) -> None:
    shipped = {
        document["metadata"]["name"]: document["spec"]
        for path in (manifests_folder() / "examples").glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document["kind"] == "WatermarkPodAutoscaler"
    }
    for wpa in autoscalers(FOLDER / row).values():
        assert shipped[wpa["metadata"]["name"]] == wpa["spec"]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("name", [path.stem for path in FILES])
async def test_replica_curve(tmp_path: Path, name: str) -> None:
    scenario = load(name)
    async with staged(tmp_path, scenario) as stage:
        await stage.play()
        assert stage.curve() == scenario.expect
        ours = [change for change in scenario.expect if change not in scenario.by_hand]
        assert stage.status().get("scalingEventsCount", 0) == len(ours)
        assert len(stage.events("Scaling")) == len(ours)
        page = await stage.scrape()
        assert page.values("wpa_scaler_evaluations_total", rule="crash") == []
