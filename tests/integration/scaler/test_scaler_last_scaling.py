"""A scaling whose scaler did not come to write it down starts its windows all the same (D24)."""

from typing import Any

import pytest
from aiohttp import web

from kube.vocab.times import format_rfc3339
from sandbox.apiserver.kinds.resources import CLUSTERROLES
from scaler.shell import scales
from tests.integration.scaler.gate import hang_up
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.world import TARGETS, World, world
from tests.kills.killer import SCALE_WRITE, STATUS_WRITE, Killer

WINDOW = 120_000
GROWING: dict[str, Any] = {"upscaleForbiddenWindowSeconds": 120, "scaleUpLimitFactor": 50}
"""From 2 to 3, and two minutes later to 4."""


async def growing(w: World, *, elect: bool = True, **spec: Any) -> int:
    """An object that wants to grow from 2 on at the returned turn."""
    w.deploy(deployment("web", 2))
    w.metrics.show("backlog", 1000)
    await w.until(w.clock.now() + 10_000)
    await w.apply(autoscaler(**GROWING | spec))
    await w.scaler(leader_election=elect)
    await w.until(w.clock.now() + 20_000)
    start = w.turn("web", after=5)
    w.metrics.follow("backlog", [(-900, 1000), (0, 9000)]).start = start
    return start


def steps(w: World, start: int) -> list[tuple[int, int]]:
    return [(round(at), count) for at, count in w.curve("web", start)]


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("wanted", "fate"),
    [(SCALE_WRITE, "done"), (STATUS_WRITE, "lost"), (STATUS_WRITE, "done")],
    ids=["before the answer", "before the status", "after the status"],
)
async def test_the_window_of_a_scaling_outlasts_the_scaler_that_was_killed_in_it(
    tmp_path, wanted, fate
):
    async with world(tmp_path) as w:
        start = await growing(w)
        killer = Killer(w)
        killer.lurk(wanted, fate)
        await killer.done()
        assert w.replicas("web") == 3
        told = wanted is STATUS_WRITE and fate == "done"
        assert bool(w.status("web").get("lastScaleTime")) == told
        await w.scaler(leader_election=True)
        await w.until(start + WINDOW - 5_000)
        assert steps(w, start) == [(0, 3)]
        assert w.condition("web", "AbleToScale")["reason"] == "BackoffBoth"
        assert w.status("web")["lastScaleTime"] == format_rfc3339(start)
        assert w.status("web")["scalingEventsCount"] == 1
        await w.until(start + WINDOW + 20_000)
        assert steps(w, start) == [(0, 3), (120, 4)]
        assert w.status("web")["scalingEventsCount"] == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_scaling_that_never_came_to_the_server_starts_no_window(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        killer = Killer(w)
        killer.lurk(SCALE_WRITE, "lost")
        await killer.done()
        await w.scaler(leader_election=True)
        await w.until(start + 40_000)
        ((at, count),) = steps(w, start)
        assert (count, w.status("web")["scalingEventsCount"]) == (3, 1)
        assert 0 < at <= 30


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_write_whose_answers_all_got_lost_starts_its_window(tmp_path):
    """The same scaler lives on, without knowing that its write was done."""
    async with world(tmp_path) as w:
        start = await growing(w, elect=False)
        lost: list[str] = []

        def echo(request: web.Request) -> bool:
            hit = SCALE_WRITE(request) and not lost
            if hit:
                lost.append(request.path)
            return hit

        async def refuse(request: web.Request) -> web.Response | None:
            if lost and request.path.endswith("/scale") and w.clock.now() < start + 10_000:
                hang_up(request)
                return web.Response(status=503)
            return None

        w.echoes.append(echo)
        w.faults.append(refuse)
        await w.until(start + 12_000)
        assert w.replicas("web") == 3
        assert w.condition("web", "AbleToScale")["reason"] == "FailedScale"
        await w.until(start + WINDOW - 5_000)
        assert steps(w, start) == [(0, 3)]
        assert w.status("web")["scalingEventsCount"] == 1
        await w.until(start + WINDOW + 20_000)
        assert steps(w, start) == [(0, 3), (120, 4)]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_somebody_elses_count_starts_no_window(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        await w.patch("web/scale", b'{"spec":{"replicas":4}}', TARGETS)
        await w.until(start + 10_000)
        assert [count for _, count in steps(w, start)] == [6]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_target_is_read_once_and_again_when_its_count_is_not_the_one_we_left(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        reads = w.writes("GET", "/deployments/web")
        assert len(reads) == 1
        await w.until(start + 100_000)
        assert w.replicas("web") == 3
        assert len(w.writes("GET", "/deployments/web")) == 1
        await w.patch("web/scale", b'{"spec":{"replicas":5}}', TARGETS)
        await w.until(start + 118_000)
        assert len(w.writes("GET", "/deployments/web")) == 2


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_without_the_right_to_read_targets_the_status_alone_tells(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(scales._log, "warning", lambda text, **_: told.append(text))
    async with world(tmp_path) as w:
        role = w.store.get(CLUSTERROLES, "", "wpa-scaler")
        role["rules"] = [one for one in role["rules"] if "statefulsets" not in one["resources"]]
        w.store.update(CLUSTERROLES, "", "wpa-scaler", role)
        start = await growing(w)
        await w.until(start + 5_000)
        await w.running[-1].kill()
        await w.scaler(leader_election=True)
        await w.until(start + WINDOW + 20_000)
        assert steps(w, start) == [(0, 3), (120, 4)]
        assert {call.code for call in w.writes("GET", "/deployments/web")} == {403}
        assert len(told) == 2, "once by each scaler"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_while_the_target_cannot_be_read_for_a_moment_nothing_is_scaled(tmp_path):
    async with world(tmp_path) as w:
        start = await growing(w)
        killer = Killer(w)
        killer.lurk(SCALE_WRITE, "done")
        await killer.done()

        async def busy(request: web.Request) -> web.Response | None:
            if request.path.endswith("/deployments/web") and w.clock.now() < start + 40_000:
                return web.json_response({"kind": "Status", "code": 500}, status=500)
            return None

        w.faults.append(busy)
        await w.scaler(leader_election=True)
        await w.until(start + 38_000)
        assert w.condition("web", "AbleToScale")["reason"] == "FailedProcessWPA"
        await w.until(start + WINDOW + 20_000)
        assert steps(w, start) == [(0, 3), (120, 4)]
