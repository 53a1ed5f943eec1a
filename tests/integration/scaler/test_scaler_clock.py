"""A scaler on a machine whose clock is set while it runs (D40)."""

import pytest

from kube.vocab.times import LoopClock, format_rfc3339
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import scrape
from tests.integration.scaler.world import EPOCH, world

JUMPS = [-90, 90]
"""Seconds; samples stay fresh."""


class SetClock(LoopClock):
    """The loop's time, with a wall clock that somebody sets `ahead` by milliseconds."""

    ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("again", [False, True], ids=["goes on", "is restarted"])
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_window_lasts_as_long_as_it_would_have(tmp_path, jump, again):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 1000)
        await w.until(w.clock.now() + 10_000)
        await w.apply(autoscaler(upscaleForbiddenWindowSeconds=120, scaleUpLimitFactor=50))
        clock = SetClock(EPOCH)
        scaler = await w.scaler(clock=clock)
        await w.until(w.clock.now() + 20_000)
        start = w.turn("web", after=5)
        w.metrics.follow("backlog", [(-900, 1000), (0, 9000)]).start = start
        await w.until(start + 20_000)
        assert w.replicas("web") == 3

        clock.ahead = jump * 1000
        await w.until(start + 45_000)
        last = w.status("web")["lastScaleTime"]
        assert last == format_rfc3339(start + jump * 1000)
        page = await scrape(scaler)
        assert page.value("wpa_scaler_clock_jumps_total") == 1
        if again:
            await scaler.stop()
            await w.scaler(clock=clock)
        # Who is new takes the signature on the target, which is now dated ahead, for one of now.
        begun = 45 if again and jump < 0 else 0
        await w.until(start + (begun + 140) * 1000)
        (grown, second) = w.curve("web", start)
        assert (grown[1], second[1]) == (3, 4)
        # The turns are where the clock that was set puts them.
        assert begun + 120 <= second[0] <= begun + 140
        # That one looks like a scaling that the status does not tell of (D24).
        assert w.status("web")["scalingEventsCount"] == (3 if begun else 2)
