"""A daemon that did nothing at all for a while says so."""

import asyncio
import time

import pytest

from kube.vocab.times import SystemClock
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import Scrape, scrape
from tests.integration.scaler.world import world


def late(page: Scrape) -> float:
    """How often the loop was later than a quarter of a second."""
    name = "wpa_scaler_event_loop_lag_seconds"
    return page.value(f"{name}_count") - page.value(f"{name}_bucket", le="0.25")


@pytest.mark.asyncio
async def test_a_loop_that_stood_still_shows_in_the_series(tmp_path):
    async with world(tmp_path, SystemClock()) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.apply(autoscaler())
        running = await w.scaler(period=1000)
        await w.eventually(lambda: w.status("web"))
        before = late(await scrape(running))
        # What a decoder without an end would do, to everything in the process.
        time.sleep(1.0)  # noqa: ASYNC251
        await asyncio.sleep(0.6)
        assert late(await scrape(running)) > before
