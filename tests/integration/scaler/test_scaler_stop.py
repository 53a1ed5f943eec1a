"""An orderly end takes 5 s at most and lets go of the lease, whatever hangs. Time is virtual."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from tests.integration.scaler.daemon import Running
from tests.integration.scaler.gate import Fault, hang_up
from tests.integration.scaler.manifests import autoscaler, deployment
from tests.integration.scaler.world import World, world

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

MOST = 5.0
"""Seconds after which the process would be ended by force."""

Wanted = Callable[[web.Request], bool]


def ours(request: web.Request) -> bool:
    """Whether a scaler asks."""
    return request.headers.get("User-Agent") == "wpa-controller"


def hanging(wanted: Wanted, seconds: float = 3600.0) -> Fault:
    """What is wanted is answered so late."""

    async def fault(request: web.Request) -> web.Response | None:
        if ours(request) and wanted(request):
            await asyncio.sleep(seconds)
        return None

    return fault


async def away(request: web.Request) -> web.Response | None:
    """No connection is of any use."""
    if ours(request):
        hang_up(request)
        return web.Response(status=503)
    return None


async def at_work(w: World, count: int = 1) -> Running:
    """A scaler that leads and has looked at its objects."""
    w.metrics.show("backlog", 1000)
    for number in range(count):
        w.deploy(deployment(f"web-{number}", 2))
        await w.apply(autoscaler(f"web-{number}"))
    running = await w.scaler(leader_election=True)
    await w.eventually(lambda: all(w.status(f"web-{number}") for number in range(count)))
    return running


async def stopped(running: Running) -> float:
    """Ask it to stop; how many seconds that took."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    async with asyncio.timeout(60):
        await running.stop()
    return loop.time() - asked


def free(w: World) -> bool:
    """Whether the lease is there for the next one at once."""
    lease = w.lease()
    return (lease.get("holderIdentity", ""), lease["leaseDurationSeconds"]) == ("", 1)


async def test_nothing_to_do_is_no_reason_to_wait(tmp_path):
    async with world(tmp_path) as w:
        running = await at_work(w)
        assert await stopped(running) < 1
        assert free(w)


@pytest.mark.parametrize(
    "part", ["/external.metrics.k8s.io/", "/scale", "/pods", "/status", "/events"]
)
async def test_evaluations_and_events_that_hang_do_not_keep_it(tmp_path, part):
    async with world(tmp_path) as w:
        running = await at_work(w, count=5)
        w.faults.append(hanging(lambda request: part in request.path))
        # Somewhat of everything: counts to write, statuses, events.
        w.metrics.show("backlog", 8000)
        await asyncio.sleep(20)
        assert await stopped(running) <= MOST
        assert free(w)


@pytest.mark.parametrize("fault", [hanging(lambda _: True), away], ids=["hangs", "is away"])
async def test_an_api_server_that_hangs_or_is_away_does_not_keep_it(tmp_path, fault):
    async with world(tmp_path) as w:
        running = await at_work(w, count=5)
        w.faults.append(fault)
        w.put(autoscaler("bad", minReplicas=9, maxReplicas=3))
        await asyncio.sleep(20)
        assert await stopped(running) <= MOST


async def test_a_thousand_events_that_wait_do_not_keep_it(tmp_path):
    async with world(tmp_path) as w:
        running = await at_work(w)
        w.faults.append(hanging(lambda request: "/events" in request.path, seconds=0.5))
        for number in range(1000):
            w.put(autoscaler(f"bad-{number}", minReplicas=9, maxReplicas=3))
        await asyncio.sleep(30)
        written = len(w.writes("POST", "/events"))
        assert written < 100, "most of them wait"
        assert await stopped(running) <= MOST
        assert free(w)
        assert len(w.writes("POST", "/events")) > written, "those that can be written are"


async def test_a_count_on_the_wire_arrives_and_is_told(tmp_path):
    async with world(tmp_path) as w:
        running = await at_work(w)
        put = hanging(lambda request: request.method == "PUT" and "/scale" in request.path, 1.0)
        begun = asyncio.Event()

        async def fault(request: web.Request) -> web.StreamResponse | None:
            if ours(request) and request.method == "PUT" and "/scale" in request.path:
                begun.set()
            return await put(request)

        w.faults.append(fault)
        w.metrics.show("backlog", 4000)
        await begun.wait()
        assert await stopped(running) <= MOST
        assert w.replicas("web-0") == 4
        assert w.status("web-0")["lastScaleTime"]
        assert w.status("web-0")["desiredReplicas"] == 4
        assert free(w)


async def test_shards_are_let_go_of_too(tmp_path):
    async with world(tmp_path) as w:
        w.metrics.show("backlog", 1000)
        running = await w.scaler(leader_election=True, shards=3)
        await asyncio.sleep(40)
        assert w.lease()["holderIdentity"] == "shards-of-3"
        w.faults.append(hanging(lambda request: "/pods" in request.path))
        assert await stopped(running) <= MOST
        assert free(w)
