"""What hangs for half of the fleet is no trouble of the other half: it is evaluated in its turns.

Time is virtual, and there are few workers: each of them would be held for 10 s by what hangs.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bench.footprint.fleet import Fleet, Json
from bench.footprint.server import Server
from kube.service.listeners import listening
from kube.service.settings import Address
from kube.vocab.times import Clock, LoopClock
from tests.integration.scaler.played import scaler_on
from tests.integration.scaler.world import EPOCH

PERIOD = 15.0
SIZE = Fleet(namespaces=20, apps=8, pods=5)
WORKERS = 4

Hangs = Callable[[web.Request], bool]


class Hanging(Server):
    """A cluster in which some requests are never answered."""

    def __init__(self, clock: Clock, hangs: Hangs) -> None:
        super().__init__(SIZE, clock)
        self.hangs = hangs
        self.recommender = ""
        """Who is asked for the ill half, in place of the metric."""
        self.answered: dict[str, list[float]] = {}
        """When each object got its metric, by namespace and name."""

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_post("/recommender", self._nothing)
        app.middlewares.append(self._maybe)
        return app

    def _autoscaler(self, place: tuple[str, str]) -> Json:
        made = super()._autoscaler(place)
        if self.recommender and ill(place[0]):
            made["spec"]["recommender"] = {"url": self.recommender}
            del made["spec"]["metrics"]
        return made

    @web.middleware
    async def _maybe(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.hangs(request):
            await asyncio.sleep(3600)
        answer: web.StreamResponse = await handler(request)
        if "external.metrics" in request.path:
            name = request.query["labelSelector"].removeprefix("app=")
            times = self.answered.setdefault(f"{request.match_info['ns']}/{name}", [])
            times.append(asyncio.get_running_loop().time())
        return answer


def ill(namespace: str) -> bool:
    """Every other namespace."""
    return int(namespace.rpartition("-")[2]) % 2 == 1


def healthy() -> Iterator[str]:
    """The objects that nothing is wrong with."""
    return (f"{space}/{name}" for space, name in SIZE.places() if not ill(space))


def within(part: str, ending: str = "") -> Hangs:
    """Requests for something of the ill namespaces."""
    return lambda request: (
        part in request.path
        and request.path.endswith(ending)
        and ill(request.match_info.get("ns", "x-0"))
    )


def recommender(request: web.Request) -> bool:
    """The one that the ill half asks."""
    return request.path == "/recommender"


@asynccontextmanager
async def scaled(folder: Path, hangs: Hangs) -> AsyncIterator[Hanging]:
    """A cluster with a fleet, and a scaler at work."""
    clock = LoopClock(EPOCH)
    server = Hanging(clock, hangs)
    async with listening(server.app(), Address("127.0.0.1", 0), flag="none", drain=0.1) as bound:
        url = f"http://127.0.0.1:{bound.port}"
        if hangs is recommender:
            server.recommender = f"{url}/recommender"
        async with scaler_on(url, folder, clock, workers=WORKERS):
            yield server


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(
    "hangs",
    [
        pytest.param(within("/deployments/", "/scale"), id="scales"),
        pytest.param(within("/pods"), id="pods"),
        pytest.param(within("/external.metrics.k8s.io/"), id="metrics"),
        pytest.param(within("/horizontalpodautoscalers"), id="lists of rivals"),
        pytest.param(within("/watermarkpodautoscalers/", "/status"), id="status writes"),
        pytest.param(within("/replicasets/"), id="owners"),
        pytest.param(recommender, id="recommender"),
    ],
)
async def test_half_of_the_fleet_hangs_and_the_other_half_keeps_its_turns(tmp_path, hangs):
    async with scaled(tmp_path, hangs) as server:
        await asyncio.sleep(4 * PERIOD)
    for name in healthy():
        times = server.answered[name]
        assert times[0] < PERIOD + 2.0, name
        gaps = [late - early for early, late in pairwise(times)]
        assert max(gaps) < PERIOD + 2.0, (name, gaps)
