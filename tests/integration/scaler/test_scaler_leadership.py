"""Two whole scalers, one cluster: one of them writes, and the next one goes on where it ended."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.integration.scaler.daemon import Running
from tests.integration.scaler.gate import token_of
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.pages import scrape, shown
from tests.integration.scaler.world import World, world

DELAYED: dict[str, Any] = {
    "downscaleDelayBelowWatermarkSeconds": 120,
    "downscaleForbiddenWindowSeconds": 1,
}
TAKEOVER = 15_000
"""Milliseconds: the duration of the lease and two retries, rounded up."""


async def pair(w: World, **spec: Any) -> tuple[Running, Running]:
    """A leader and a follower, and an object between its marks."""
    w.deploy(deployment("web", 4))
    w.metrics.show("backlog", 2000)
    await w.apply(autoscaler(**spec))
    leader = await w.scaler(leader_election=True)
    await w.until(w.clock.now() + 5_000)
    follower = await w.scaler(leader_election=True)
    await w.until(w.clock.now() + 35_000)
    return leader, follower


def writers(w: World, since: int) -> set[str]:
    """Tokens of those who wrote anything but the lease."""
    return {
        call.token
        for call in w.calls
        if call.at >= since
        and call.agent == "wpa-controller"
        and call.method != "GET"
        and not call.path.endswith("-lock")
    }


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_only_the_leader_writes_and_shows_the_objects_series(tmp_path):
    async with world(tmp_path) as w:
        leader, follower = await pair(w)
        w.metrics.show("backlog", 8000)
        await w.until(w.clock.now() + 300_000)
        assert w.replicas("web") == 8
        assert writers(w, 0) == {leader.token}
        assert (await scrape(leader)).of("web") != []
        assert (await scrape(follower)).of("web") == []
        assert (await shown(follower))["web"]["decision"] == "not evaluated yet"
        assert w.lease()["holderIdentity"]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_the_next_leader_goes_on_with_the_delay(tmp_path, kill):
    async with world(tmp_path) as w:
        leader, follower = await pair(w, **DELAYED)
        start = w.turn("web", after=5)
        w.metrics.follow("backlog", [(-900, 2000), (0, 200)]).start = start
        await w.until(start + 50_000)
        await (leader.kill() if kill else leader.stop())
        ended = w.clock.now()
        holder = w.lease().get("holderIdentity", "")
        assert bool(holder) == kill
        await w.eventually(lambda: w.lease().get("holderIdentity", "") not in ("", holder))
        assert w.clock.now() - ended <= (TAKEOVER if kill else 2_500)
        await w.until(start + 125_000)
        assert [(round(at), count) for at, count in w.curve("web", start)] == [(120, 2)]
        assert writers(w, ended) == {follower.token}


class Cut:
    """Keeps requests of one scaler from the server until `over`."""

    def __init__(self, w: World, token: str, *, only: str = "") -> None:
        self._over = asyncio.Event()
        self._token = token
        self._only = only
        w.faults.append(self)

    def end(self) -> None:
        self._over.set()

    async def __call__(self, request: web.Request) -> web.Response | None:
        if token_of(request) != self._token or self._only not in request.path:
            return None
        if self._over.is_set():
            return None
        await self._over.wait()
        return web.Response(status=503)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_leader_that_is_cut_off_makes_room_and_follows_when_it_is_back(tmp_path):
    async with world(tmp_path) as w:
        leader, follower = await pair(w)
        cut = Cut(w, leader.token)
        since = w.clock.now()
        await w.until(since + 60_000)
        assert (await scrape(leader)).of("web") == [], "nothing that is out of date"
        w.metrics.show("backlog", 8000)
        await w.until(since + 80_000)
        cut.end()
        await w.until(since + 200_000)
        assert w.replicas("web") == 8
        assert writers(w, since) == {follower.token}
        assert (await scrape(leader)).of("web") == []
        assert (await scrape(follower)).of("web") != []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_leader_that_cannot_renew_writes_no_more_and_goes_on_when_it_can(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 4))
        w.metrics.show("backlog", 2000)
        await w.apply(autoscaler())
        leader = await w.scaler(leader_election=True)
        await w.until(w.clock.now() + 40_000)
        cut = Cut(w, leader.token, only="/leases")
        since = w.clock.now()
        w.metrics.show("backlog", 8000)
        await w.until(since + 10_500)
        before = w.replicas("web")
        w.set_replicas("web", 20)
        await w.until(since + 100_000)
        assert before in (4, 8)
        assert w.replicas("web") == 20
        assert writers(w, since + 10_100) == set()
        cut.end()
        await w.until(since + 130_000)
        assert w.replicas("web") == 10


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_leadership_lost_while_looking_scales_nothing(tmp_path):
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 4))
        w.metrics.show("backlog", 2000)
        await w.apply(autoscaler())
        leader = await w.scaler(leader_election=True)
        await w.until(w.clock.now() + 40_000)
        turn = w.turn("web", after=10)
        await w.until(turn - 5_000)
        Cut(w, leader.token, only="/leases")
        slow: list[int] = []

        async def look(request: web.Request) -> None:
            if "external.metrics" in request.path:
                slow.append(w.clock.now())
                await asyncio.sleep(5)

        w.faults.append(look)
        w.metrics.show("backlog", 8000)
        await w.until(turn + 30_000)
        assert [at for at in slow if at >= turn]
        assert w.replicas("web") == 4
        assert w.writes("PUT", "/scale") == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_status_write_is_not_repeated_once_leadership_is_lost(tmp_path):
    """It would undo what the next leader has written meanwhile."""
    async with world(tmp_path) as w:
        w.deploy(deployment("web", 4))
        w.metrics.show("backlog", 2000)
        await w.apply(autoscaler())
        leader = await w.scaler(leader_election=True)
        await w.until(w.clock.now() + 40_000)
        turn = w.turn("web", after=10)
        await w.until(turn - 2_000)
        Cut(w, leader.token, only="/leases")
        begun: list[int] = []

        async def stuck(request: web.Request) -> web.Response | None:
            if request.method == "PATCH" and request.path.endswith("/status"):
                begun.append(w.clock.now())
                await asyncio.sleep(60)
            return None

        w.faults.append(stuck)
        w.metrics.show("backlog", 8000)
        await w.until(turn + 60_000)
        assert w.replicas("web") == 8
        assert len(begun) == 1, [at - turn for at in begun]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_shards_share_the_work_and_a_dead_scalers_part_goes_on(tmp_path):
    async with world(tmp_path) as w:
        names = [f"web-{n}" for n in range(8)]
        w.metrics.show("backlog", 2000)
        for name in names:
            w.deploy(deployment(name, 4))
            await w.apply(autoscaler(name, maxReplicas=20, scaleUpLimitFactor=100))
        first = await w.scaler(leader_election=True, shards=4)
        second = await w.scaler(leader_election=True, shards=4)
        await w.until(w.clock.now() + 60_000)
        since = w.clock.now()
        w.metrics.show("backlog", 8000)
        await w.until(since + 60_000)
        assert {w.replicas(name) for name in names} == {8}
        writers_of = {
            name: {c.token for c in w.calls if c.at >= since and f"/{name}/scale" in c.path
                   and c.method == "PUT"}
            for name in names
        }  # fmt: skip
        assert all(len(found) == 1 for found in writers_of.values()), writers_of
        assert set().union(*writers_of.values()) == {first.token, second.token}
        await first.kill()
        died = w.clock.now()
        w.metrics.show("backlog", 16000)
        await w.until(died + 15_000 + 15_000)
        assert {w.replicas(name) for name in names} == {16}
        assert {
            c.token for c in w.calls if c.at > died and c.path.endswith("/scale")
        } == {second.token}  # fmt: skip
