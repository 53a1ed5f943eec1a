"""A short soak: a quarter of an hour of bad weather, mishaps and ended scalers."""

import pytest

from tests.integration.scaler.world import world
from tests.soak.scaler.plan import Plan
from tests.soak.scaler.virtual import Run


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_quarter_of_an_hour_of_faults_loses_no_status_and_scales_nothing_wrongly(tmp_path):
    async with world(tmp_path) as w:
        run = Run(Plan(seconds=900, consumers=4, seed=11), w, lambda _: None)
        await run.run()
        assert run.site.judge.problems == []
        counts = run.site.judge.counts
        assert min(counts[what] for what in ("grown", "shrunk", "good answers", "bad answers")) > 0
        assert sum(run.lives.ended.values()) >= 2
        assert len(run.site.weather.met) > 2
        assert len(run.mishaps.done) > 3
