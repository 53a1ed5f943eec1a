"""HTTP clients for recommenders: their life, what they read at most, proxies (U25)."""

import pytest
import trustme
from aiohttp import web
from prometheus_client import CollectorRegistry

from kube.vocab.times import SystemClock
from scaler.core.recommender import Advice, Tls
from scaler.shell.recommender import recommending
from scaler.shell.recommender_clients import UNUSED, Clients
from tests.integration.recommender.sample import Asked, serving
from tests.oracle.worlds import NOW
from tests.unit.scaler.recommender.worlds import recommended_spec, recommender_of

pytestmark = pytest.mark.asyncio


async def test_ten_megabytes_are_refused_while_they_come(place, recommenders):
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(160):
            await response.write(b" " * 65_536)
            sent += 65_536
        return response

    app = web.Application()
    app.router.add_post("/flood", flood)
    ca = trustme.CA()
    await place.serve(ca, app=app)
    found = await place.ask(recommenders, "/flood", caFile=place.trust(ca), **place.identify())
    assert found.detail == "the reply is larger than 1048576 bytes"
    assert sent < 10_000_000


async def test_a_proxy_of_the_environment_is_asked(place, monkeypatch):
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return web.json_response({"targetReplicas": 9})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", proxy)
    async with serving(app, Asked()) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "direct.test")
        async with recommending(CollectorRegistry(), SystemClock(), "", None) as made:
            spec = recommended_spec({"url": "http://recommender.test/x"})
            found = await made.read(spec, recommender_of(spec), 3, 3, NOW, 120_000)
    assert found.advice == Advice(9, 9, 9)
    assert asked == ["http://recommender.test/x"]


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return self.seconds


async def test_clients_are_shared_replaced_and_closed(place):
    clock = Watch()
    clients = Clients(clock)
    tls = Tls(place.trust(trustme.CA()))
    async with clients.client(tls) as first, clients.client(tls) as second:
        assert first is second
        place.trust(trustme.CA())
        async with clients.client(tls) as third:
            assert third is not first
        assert not first.is_closed  # it is still in use
    assert (first.is_closed, third.is_closed, len(clients)) == (True, False, 1)

    clock.seconds = UNUSED - 1
    await clients.close_unused()
    assert len(clients) == 1
    async with clients.client(tls):
        clock.seconds = 2 * UNUSED
        await clients.close_unused()
        assert not third.is_closed
    clock.seconds = 3 * UNUSED
    await clients.close_unused()
    assert (third.is_closed, len(clients)) == (True, 0)
