"""A Prometheus over three exporters, which scrapes, keeps samples, and may be made to fail.

Of PromQL it knows what the matrix' rule asks: an aggregation over a selection, or over the times
of one. The look-back and the markers of lost series are the stand-in's.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import promql_parser as promql
from aiohttp import web

from kube.vocab.times import SECOND, Clock, Millis
from sandbox.prometheus.answers import read_time
from sandbox.prometheus.matchers import selector_matches
from sandbox.prometheus.samples import Labels, Samples, labels_of
from tests.faults.plan import METRIC
from tests.integration.adapter.kit.prometheus import document
from tests.integration.scaler.manifests import NAMESPACE
from tests.ports import free_port

EXPORTERS: Final = ("a", "b", "c")
_PICK: Final[dict[str, Callable[[list[float]], float]]] = {"sum": sum, "min": min, "max": max}

RULES: Final = f"""
externalRules:
- seriesQuery: {METRIC}
  minSeries: {len(EXPORTERS)}
  metricsQuery: 'sum by (instance) (<<.Series>>{{<<.LabelMatchers>>}})'
  timestampQuery: 'min by (instance) (timestamp(<<.Series>>{{<<.LabelMatchers>>}}))'
"""


class Exporters:
    """Each shows its third of every queue's true load, unless something is made wrong with it."""

    def __init__(self, loads: Callable[[Millis], dict[str, int]]) -> None:
        self.alive = list(EXPORTERS)
        self.bent: Callable[[float], float] = lambda share: share
        """What becomes of a number on its way."""
        self._loads = loads

    def scrape(self, at: Millis) -> dict[Labels, float]:
        """The samples of one moment."""
        return {
            labels_of(
                {"__name__": METRIC, "namespace": NAMESPACE, "queue": queue, "instance": instance}
            ): self.bent(load / len(EXPORTERS))
            for queue, load in self._loads(at).items()
            for instance in self.alive
        }


class Prometheus:
    """Serves `/api/v1/query` on a port that it keeps over restarts."""

    def __init__(self, exporters: Exporters, clock: Clock, every: float) -> None:
        """Scrapes happen `every` so many seconds."""
        self.exporters = exporters
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.scraping = True
        self.skew = 0
        """How far its clock is ahead, in milliseconds."""
        self.delay = 0.0
        self.forgetful = False
        """It has lost its samples, and answers that there is nothing."""
        self._every = every
        self._clock = clock
        self._samples = Samples()
        self._seen: frozenset[Labels] = frozenset()
        self._server = AsyncExitStack()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Prometheus"]:
        """Scrape and serve."""
        task = asyncio.create_task(self._scrape())
        await self.start()
        try:
            yield self
        finally:
            task.cancel()
            await self.stop()

    async def start(self) -> None:
        """Serve."""
        app = web.Application()
        app.router.add_route("*", "/api/v1/query", self._query)
        runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None
        )
        await runner.setup()
        self._server.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Refuse connections."""
        await self._server.aclose()

    def forget(self) -> None:
        """Begin with an empty storage."""
        self._samples, self._seen = Samples(), frozenset()

    async def _scrape(self) -> None:
        while True:
            if self.scraping:
                now = self._clock.now()
                found = self.exporters.scrape(now)
                self._seen = self._samples.replace(self._seen, found, now + self.skew)
            await asyncio.sleep(self._every)

    async def _query(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else request.query
        await asyncio.sleep(self.delay)
        at = read_time(str(form.get("time", "")), self._clock.now() + self.skew)
        found = [] if self.forgetful else self._answer(promql.parse(str(form["query"])), at)
        result = [
            {"metric": dict(labels), "value": [at / SECOND, repr(value)]} for labels, value in found
        ]
        return web.Response(body=document("vector", result), content_type="application/json")

    def _answer(self, tree: promql.Expr, at: Millis) -> list[tuple[Labels, float]]:
        assert isinstance(tree, promql.AggregateExpr), tree.prettify()
        inner = tree.expr
        timed = isinstance(inner, promql.Call)
        if isinstance(inner, promql.Call):
            assert inner.func.name == "timestamp", tree.prettify()
            (inner,) = inner.args
        while isinstance(inner, promql.ParenExpr):
            inner = inner.expr
        assert isinstance(inner, promql.VectorSelector), tree.prettify()
        names = re.findall(r"\w+", str(tree.modifier))[1:]
        groups: dict[Labels, list[float]] = {}
        matches = selector_matches(inner)
        for series in self._samples:
            value = series.at(at)
            if value is None or not matches(series.pairs):
                continue
            if timed:
                value = max(one for one in series.times if one <= at) / SECOND
            key = labels_of({name: series.pairs.get(name, "") for name in names})
            groups.setdefault(key, []).append(value)
        return [(key, float(_PICK[str(tree.op)](values))) for key, values in groups.items()]
