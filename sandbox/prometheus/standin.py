"""The stand-in for Prometheus: scrape loop, recording rules and the HTTP API.

Serves `/api/v1/query` (GET and POST) and `/-/ready` from the configuration the real one would
get. What it cannot evaluate it answers as an error (`evaluate`). Of the series that Prometheus
makes up about a scrape there is `up` alone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from kube.vocab.times import SECOND, Clock, parse_duration
from sandbox.prometheus.answers import failure, read_time, success
from sandbox.prometheus.configuration import load_config, load_rules
from sandbox.prometheus.evaluate import ParseError, evaluate, parse
from sandbox.prometheus.recording import Recorder
from sandbox.prometheus.samples import RETENTION_MS, Samples
from sandbox.prometheus.scraping import Scraper, Target, targets_of
from sandbox.prometheus.values import EvaluationError


class StandIn:
    """State of the stand-in. `report` gets one line whenever something starts or stops failing."""

    def __init__(self, config_file: Path, clock: Clock, report: Callable[[str], None]) -> None:
        """Raises ConfigurationError."""
        self.config = config = load_config(config_file)
        self.samples = Samples()
        self._clock = clock
        self._report = report
        self._interval = parse_duration(config.global_.scrape_interval) / SECOND
        self._targets: list[Target] = targets_of(config, config_file.parent)
        self._recorder = Recorder(load_rules(config, config_file.parent), self.samples)
        self._problems: dict[str, str] = {}
        self._ready = False

    def app(self) -> web.Application:
        """The HTTP API."""
        app = web.Application()
        app.router.add_route("GET", "/api/v1/query", self._query)
        app.router.add_route("POST", "/api/v1/query", self._query)
        app.router.add_get("/-/ready", self._readiness)
        app.router.add_get("/-/healthy", self._healthy)
        return app

    @asynccontextmanager
    async def scraping(self) -> AsyncIterator[None]:
        """Scrape and record on the configured interval while the context is open."""
        async with aiohttp.ClientSession(trust_env=False) as session:
            timeout = max(self._interval, 0.5)
            scrapers = [Scraper(t, self.samples, session, timeout) for t in self._targets]
            task = asyncio.create_task(self._loop(scrapers))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _loop(self, scrapers: list[Scraper]) -> None:
        started = self._clock.monotonic()
        while True:
            await self.cycle(scrapers)
            self._ready = True
            passed = self._clock.monotonic() - started
            await asyncio.sleep(self._interval - passed % self._interval)

    async def cycle(self, scrapers: list[Scraper]) -> None:
        """Scrape every target once, then evaluate the rules."""
        now = self._clock.now()
        await asyncio.gather(*(scraper.scrape(now) for scraper in scrapers))
        # The rules see what was just scraped, also when scraping took a while.
        self._recorder.evaluate(now)
        self.samples.forget_before(now - RETENTION_MS)
        problems = {s.target.url: s.last_error for s in scrapers if s.last_error}
        self._tell(problems | self._recorder.errors)

    def _tell(self, problems: dict[str, str]) -> None:
        for what, error in problems.items():
            if self._problems.get(what) != error:
                self._report(f"{what}: {error}")
        for what in self._problems.keys() - problems.keys():
            self._report(f"{what}: works again")
        self._problems = problems

    async def _query(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else {}
        parameters = {**request.query, **{k: v for k, v in form.items() if isinstance(v, str)}}
        try:
            time = read_time(parameters.get("time", ""), self._clock.now())
            tree = parse(parameters.get("query", ""))
            body = success(evaluate(tree, self.samples, time), time)
        except ParseError as error:
            return _json(failure("bad_data", str(error)), 400)
        except EvaluationError as error:
            return _json(failure("execution", str(error)), 422)
        return _json(body, 200)

    async def _readiness(self, _: web.Request) -> web.Response:
        if not self._ready:
            return web.Response(status=503, text="Service Unavailable\n")
        return web.Response(text="Prometheus Server is Ready.\n")

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="Prometheus Server is Healthy.\n")


def _json(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
