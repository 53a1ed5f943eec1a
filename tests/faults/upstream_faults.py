"""What goes wrong with the metric on its way: exporters, Prometheus, adapter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.faults.site import OffClock, Site

MINUTES = 10 * 60_000


@asynccontextmanager
async def prometheus_down(it: Site) -> AsyncIterator[None]:
    prometheus = it.chain.prometheus
    prometheus.scraping = False
    await prometheus.stop()
    yield
    prometheus.scraping = True
    await prometheus.start()


@asynccontextmanager
async def prometheus_slow(it: Site) -> AsyncIterator[None]:
    it.chain.prometheus.delay = 30.0
    yield
    it.chain.prometheus.delay = 0.0


@asynccontextmanager
async def prometheus_empty(it: Site) -> AsyncIterator[None]:
    it.chain.prometheus.forgetful = True
    yield
    it.chain.prometheus.forgetful = False


@asynccontextmanager
async def not_a_number(it: Site) -> AsyncIterator[None]:
    it.exporters.bent = lambda _: float("nan")
    yield
    it.exporters.bent = lambda share: share


@asynccontextmanager
async def partial(it: Site) -> AsyncIterator[None]:
    lost = it.exporters.alive.pop()
    yield
    it.exporters.alive.append(lost)


@asynccontextmanager
async def frozen(it: Site) -> AsyncIterator[None]:
    it.chain.prometheus.scraping = False
    yield
    it.chain.prometheus.scraping = True


@asynccontextmanager
async def prometheus_ahead(it: Site) -> AsyncIterator[None]:
    """Afterwards the samples from the future are removed: Prometheus takes no others before."""
    it.chain.prometheus.skew = MINUTES
    yield
    it.chain.prometheus.skew = 0
    it.chain.prometheus.forget()


@asynccontextmanager
async def prometheus_behind(it: Site) -> AsyncIterator[None]:
    it.chain.prometheus.skew = -MINUTES
    yield
    it.chain.prometheus.skew = 0


@asynccontextmanager
async def wrong_sign(it: Site) -> AsyncIterator[None]:
    it.exporters.bent = lambda share: -share
    yield
    it.exporters.bent = lambda share: share


async def _adapter_off(it: Site, off: int) -> None:
    await it.chain.kill()
    it.chain.adapters_clock = OffClock(it.clock, off)
    await it.chain.start(it.chain.pair)


@asynccontextmanager
async def adapter_ahead(it: Site) -> AsyncIterator[None]:
    await _adapter_off(it, MINUTES)
    yield
    await _adapter_off(it, 0)


@asynccontextmanager
async def adapter_behind(it: Site) -> AsyncIterator[None]:
    await _adapter_off(it, -MINUTES)
    yield
    await _adapter_off(it, 0)


@asynccontextmanager
async def adapter_killed(it: Site) -> AsyncIterator[None]:
    await it.chain.kill()
    yield
    await it.chain.start(it.chain.pair)


@asynccontextmanager
async def adapter_hung(it: Site) -> AsyncIterator[None]:
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        raise AssertionError

    await it.chain.kill()
    await it.chain.stand_in(silence)
    yield
    await it.chain.kill()
    await it.chain.start(it.chain.pair)


@asynccontextmanager
async def adapter_failing(it: Site) -> AsyncIterator[None]:
    async def failure(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, text="out of memory")

    await it.chain.kill()
    await it.chain.stand_in(failure)
    yield
    await it.chain.kill()
    await it.chain.start(it.chain.pair)


@asynccontextmanager
async def certificate_expired(it: Site) -> AsyncIterator[None]:
    await it.chain.kill()
    await it.chain.start(it.chain.expired_pair)
    yield
    await it.chain.kill()
    await it.chain.start(it.chain.pair)
