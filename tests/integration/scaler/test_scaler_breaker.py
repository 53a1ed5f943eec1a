"""The whole daemon in an outage of metrics: nothing shrinks, growth goes on, the thaw is slow."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from kube.vocab.times import SECOND, Millis
from sandbox.apiserver.kinds.resources import EVENTS
from tests.integration.scaler.manifests import autoscaler, deployment, external
from tests.integration.scaler.pages import scrape
from tests.integration.scaler.world import LEASE, SYSTEM, World, world

SIZE, REPLICAS = 60, 4
NAMES = [f"w{number}" for number in range(SIZE)]
METRICS = ("jobs", "lag", "orders")
GONE = ("jobs", "lag")
MINUTE = 60 * SECOND
GROWING, SHRINKING = NAMES[2::6], NAMES[5::6]
"""Of those whose metric stays."""


def metric_of(name: str) -> str:
    return METRICS[int(name[1:]) % 3]


async def fleet(w: World, names: Sequence[str]) -> None:
    """Autoscalers on three metrics, all between their marks."""
    for name in names:
        w.deploy(deployment(name, REPLICAS))
        ask(w, [name], 500)
        await w.apply(autoscaler(name, metrics=[external(metric_of(name), app=name)]))


def ask(w: World, names: Sequence[str], load: int) -> None:
    """So much load for each of their four pods; the marks are 100 and 1000."""
    for name in names:
        w.metrics.show(metric_of(name), load * REPLICAS, app=name)


def kill_metrics(w: World) -> None:
    """Two of the three can no longer be read."""
    w.metrics.answer = lambda request: (
        web.Response(status=500, text="out of memory")
        if request.match_info["metric"] in GONE
        else None
    )


async def outage(w: World) -> Millis:
    """The metrics die under a fleet at peace; then others that are well want to grow and shrink."""
    kill_metrics(w)
    await asyncio.sleep(20)
    start = w.clock.now()
    ask(w, GROWING, 1500)
    ask(w, SHRINKING, 20)
    return start


def changes(w: World, since: Millis) -> list[tuple[Millis, int]]:
    """By how much each write changed a count, in order."""
    found = []
    for history in w.scaled.values():
        for (_, before), (at, after) in pairwise(history):
            if at >= since:
                found.append((at, after - before))
    return sorted(found)


def told(w: World, reason: str) -> list[dict[str, Any]]:
    """The events on the daemon's Lease."""
    return [
        one
        for one in w.store.list(EVENTS, SYSTEM)
        if one["reason"] == reason and one["involvedObject"]["name"] == LEASE
    ]


async def state(w: World, number: int = 0) -> tuple[float, float]:
    """Whether the breaker of that scaler is open, and whether it thaws."""
    page = await scrape(w.running[number])
    name = "wpa_scaler_fleet_breaker_state"
    return page.value(name, state="open"), page.value(name, state="thawing")


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_an_outage_freezes_shrinking_everywhere_and_thaws_slowly(tmp_path):
    async with world(tmp_path) as w:
        await fleet(w, NAMES)
        await w.scaler(leader_election=True, fleet_thaw_percent=30, log_level="error")
        await asyncio.sleep(30)
        page = await scrape(w.running[0])
        assert page.value("wpa_scaler_fleet_metrics", state="fresh") == SIZE
        assert await state(w) == (0, 0)

        start = await outage(w)
        await asyncio.sleep(60)
        quiet_from = w.clock.now()
        await asyncio.sleep(75)
        assert [change for _, change in changes(w, start) if change < 0] == []
        assert all(w.replicas(name) > REPLICAS for name in GROWING)
        page = await scrape(w.running[0])
        assert await state(w) == (1, 0)
        assert page.value("wpa_scaler_fleet_metrics", state="degraded") == 40
        assert page.value("wpa_scaler_fleet_held_replicas", rule="fleet_frozen") == 20
        opened = {
            kind: page.value("wpa_scaler_fleet_breaker_opened_total", group=kind)
            for kind in ("overall", "source", "metric")
        }
        assert sum(opened.values()) == 1
        held = w.condition(SHRINKING[0], "ScalingLimited")
        assert (held["status"], held["reason"]) == ("True", "FleetBreaker")
        assert "metrics that were there went missing" in held["message"]
        told_once = [
            call.path
            for call in w.writes("PATCH", "/status")
            if call.at >= quiet_from and call.path.split("/")[-2] in SHRINKING
        ]
        assert told_once == [], "what stays frozen is not written again"
        (event,) = told(w, "FleetFrozen")
        assert event["type"] == "Warning"
        assert event["involvedObject"]["kind"] == "Lease"
        assert event["involvedObject"]["uid"]
        assert held["message"] in event["message"]

        w.metrics.answer = None
        ask(w, NAMES, 20)
        recovery = w.clock.now()
        total = sum(w.replicas(name) for name in NAMES)
        await w.eventually(lambda: told(w, "FleetThawing"), 120)
        thaw = w.clock.now()
        assert [change for _, change in changes(w, recovery) if change < 0] == []
        assert thaw - recovery >= MINUTE
        assert await state(w) == (0, 1)
        await asyncio.sleep(45)
        page = await scrape(w.running[0])
        assert page.value("wpa_scaler_fleet_held_replicas", rule="fleet_thaw") > 0
        while await state(w) == (0, 1):  # noqa: ASYNC110 - the scaler is another process
            await asyncio.sleep(15)
        assert w.clock.now() - thaw <= 31 * MINUTE
        gone = [(at, -change) for at, change in changes(w, thaw) if change < 0]
        for index, (end, _) in enumerate(gone):
            window = [count for at, count in gone[: index + 1] if at > end - MINUTE]
            assert sum(window) <= 30 * total // 100
        assert await state(w) == (0, 0)
        assert w.condition(SHRINKING[0], "ScalingLimited")["reason"] != "FleetBreaker"


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_new_leader_keeps_everything_frozen(tmp_path):
    """It has read nothing that was good, and knows from the objects what was."""
    async with world(tmp_path) as w:
        await fleet(w, NAMES[:24])
        leader = await w.scaler(leader_election=True)
        await asyncio.sleep(5)
        await w.scaler(leader_election=True)
        await asyncio.sleep(30)
        start = await outage(w)
        await asyncio.sleep(45)
        assert await state(w, 0) == (1, 0)
        await leader.kill()
        await w.eventually(lambda: len(told(w, "FleetFrozen")) == 2, 60)
        assert await state(w, 1) == (1, 0)
        await asyncio.sleep(120)
        assert [change for _, change in changes(w, start) if change < 0] == []
        assert await state(w, 1) == (1, 0)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_restart_keeps_everything_frozen(tmp_path):
    async with world(tmp_path) as w:
        await fleet(w, NAMES[:24])
        first = await w.scaler()
        await asyncio.sleep(30)
        start = await outage(w)
        await asyncio.sleep(30)
        await first.kill()
        await w.scaler()
        await asyncio.sleep(90)
        assert await state(w, 1) == (1, 0)
        assert [change for _, change in changes(w, start) if change < 0] == []


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_with_share_0_every_autoscaler_is_for_itself(tmp_path):
    async with world(tmp_path) as w:
        await fleet(w, NAMES[:24])
        await w.scaler(fleet_breaker_share=0)
        await asyncio.sleep(30)
        start = await outage(w)
        await asyncio.sleep(60)
        assert await state(w) == (0, 0)
        assert len([change for _, change in changes(w, start) if change < 0]) == 4
