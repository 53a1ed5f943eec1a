"""Every scenario file: the count follows exactly the curve that it expects."""

from pathlib import Path

import pytest

from tests.scenarios.scenario import files, load
from tests.scenarios.stage import staged

FILES = files()


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
