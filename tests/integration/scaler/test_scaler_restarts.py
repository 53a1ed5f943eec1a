"""The scaler may end at any moment: the next one goes on from what the status says (D15, D24)."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.integration.scaler.manifests import LABELS, METRIC, autoscaler, deployment, split
from tests.integration.scaler.world import World, world
from tests.kills.killer import Killer, asks

DELAYED: dict[str, Any] = {
    "upscaleDelayAboveWatermarkSeconds": 120,
    "downscaleDelayBelowWatermarkSeconds": 120,
    "downscaleForbiddenWindowSeconds": 1,
    "scaleDownLimitFactor": 25,
}


async def one(w: World, *, elect: bool = False, replicas: int = 4, **spec: Any) -> int:
    """An evaluated object between its marks; returns its next turn but one."""
    w.deploy(deployment("web", replicas))
    w.metrics.show("backlog", 500 * replicas)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(**spec))
    await w.scaler(leader_election=elect)
    await w.until(w.clock.now() + 40_000)
    return w.turn("web", after=15)


async def restart(w: World, *, elect: bool = False, away: float = 1.0, kill: bool = False) -> None:
    """End the scaler, start the next one `away` seconds later."""
    last = w.running[-1]
    await (last.kill() if kill else last.stop())
    await asyncio.sleep(away)
    await w.scaler(leader_election=elect)


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_forbidden_windows_outlast_the_scaler(tmp_path, kill):
    async with world(tmp_path) as w:
        start = await one(w, upscaleForbiddenWindowSeconds=100, scaleUpLimitFactor=50)
        w.metrics.follow("backlog", [(0, 20_000)]).start = start
        w.metrics.show("backlog", 20_000)
        await w.until(start + 5_000)
        scaled = w.scaled["web"][-1][0]
        assert w.replicas("web") == 6
        await restart(w, kill=kill)
        await w.until(scaled + 95_000)
        assert w.replicas("web") == 6
        await w.until(scaled + 120_000)
        assert w.replicas("web") == 9
        assert w.status("web")["scalingEventsCount"] == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_upscale_delay_goes_on_after_a_restart(tmp_path):
    """Nobody knows how long nobody looked: growth keeps its start."""
    async with world(tmp_path) as w:
        start = await one(w, **DELAYED)
        w.metrics.follow("backlog", [(-900, 2000), (0, 9000)]).start = start
        await w.until(start + 50_000)
        await restart(w, kill=True)
        await w.until(start + 300_000)
        assert [(round(at), count) for at, count in w.curve("web", start)][:1] == [(120, 8)]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_downscale_delay_starts_anew_after_a_gap_of_unknown_length(tmp_path):
    async with world(tmp_path) as w:
        start = await one(w, **DELAYED)
        w.metrics.follow("backlog", [(-900, 2000), (0, 100)]).start = start
        await w.until(start + 50_000)
        await restart(w)
        await w.until(start + 300_000)
        # The first evaluation after the restart is that of 60 s.
        assert [(round(at), count) for at, count in w.curve("web", start)][:1] == [(180, 3)]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_the_downscale_delay_goes_on_when_the_lease_tells_of_a_short_gap(tmp_path, kill):
    async with world(tmp_path) as w:
        start = await one(w, elect=True, **DELAYED)
        w.metrics.follow("backlog", [(-900, 2000), (0, 100)]).start = start
        await w.until(start + 50_000)
        await restart(w, elect=True, kill=kill)
        await w.until(start + 300_000)
        assert [(round(at), count) for at, count in w.curve("web", start)][:1] == [(120, 3)]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_long_gap_that_the_lease_tells_of_counts_for_neither_delay(tmp_path):
    async with world(tmp_path) as w:
        start = await one(w, elect=True, **DELAYED)
        w.metrics.follow("backlog", [(-900, 2000), (0, 9000)]).start = start
        # Above since 0 s, last looked at at 45 s, alive until 50 s: 120 s are full at 195 or 210 s.
        await w.until(start + 50_000)
        await restart(w, elect=True, away=80.0)
        await w.until(start + 400_000)
        (at, count) = w.curve("web", start)[0]
        assert count == 8
        assert 194 <= at <= 226, at


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_restarts_all_the_way_leave_the_curve_as_it_is(tmp_path):
    """R000-A with a new scaler every 95 s."""
    burst = [(0, 400), (60, 9000), (240, 3000), (600, 200)]
    async with world(tmp_path) as w:
        w.deploy(deployment("kodo-x-metric", 2, LABELS, start_after="5s", ready_after="40s"))
        w.metrics.show(METRIC, 400, consumer="kodo-x-metric")
        await w.until(w.clock.now() + 60_000)
        await w.apply(split("kodo-x-metric"))
        await w.scaler(leader_election=True)
        start = w.turn("kodo-x-metric", after=30)
        w.metrics.follow(METRIC, burst, consumer="kodo-x-metric").start = start
        for seconds in range(65, 1230, 95):
            await w.until(start + seconds * 1000)
            await restart(w, elect=True)
        await w.until(start + 1_230_000)
        curve = w.curve("kodo-x-metric", start)
        expected = [(90, 4), (120, 8), (900, 6), (960, 5), (1020, 4), (1080, 3), (1140, 2)]
        assert [count for _, count in curve] == [count for _, count in expected], curve
        for (at, _), (wanted, _) in zip(curve, expected, strict=True):
            assert wanted - 1 <= at <= wanted + 16, curve


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_scalers_that_die_young_do_not_hide_how_long_nobody_looked(tmp_path):
    """Each of them renews the lease, and none comes to look at the object (D15)."""
    async with world(tmp_path) as w:
        start = await one(w, elect=True, **DELAYED)
        w.metrics.follow("backlog", [(-900, 2000), (0, 100)]).start = start
        await w.until(start + 50_000)
        await restart(w, elect=True, kill=True)
        killer = Killer(w)
        looks: list[int] = []

        def look(request: web.Request) -> bool:
            if request.path.endswith("/backlog"):
                looks.append(w.clock.now())
            return False

        w.echoes.append(look)
        for _ in range(5):
            killer.lurk(asks("GET", "/scale"), "lost")
            await killer.done()
            await w.scaler(leader_election=True)
        await w.until(start + 400_000)
        back = (looks[0] - start) / 1000
        assert back > 105
        (at, count) = w.curve("web", start)[0]
        assert count == 3
        assert 119 <= at - back <= 136


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "ended at once"])
async def test_no_evaluation_outlives_the_daemon(tmp_path, kill):
    """Not even where something else than a signal ends it: it would ask over a closed client."""
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 2))
        w.metrics.show("backlog", 4000)
        await w.apply(autoscaler())
        asked: list[str] = []

        async def slow(request: web.Request) -> web.Response | None:
            if request.path.endswith("/backlog"):
                asked.append(request.path)
                await asyncio.sleep(5)
                return web.Response(status=429, headers={"Retry-After": "1"})
            return None

        w.faults.append(slow)
        running = await w.scaler()
        await w.eventually(lambda: asked)
        await (running.kill() if kill else running.stop())
        asked.clear()
        works = {getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()}
        assert "Ticker._run" not in works
        await w.until(w.clock.now() + 60_000)
        assert asked == []
