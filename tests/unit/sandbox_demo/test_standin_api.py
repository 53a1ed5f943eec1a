"""The stand-in over HTTP: scrapes real endpoints, records, answers like Prometheus, refuses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from kube.service.listeners import listening
from kube.service.settings import Address
from kube.vocab.times import SystemClock
from sandbox.prometheus.configuration import ConfigurationError
from sandbox.prometheus.scraping import Scraper, targets_of
from sandbox.prometheus.standin import StandIn

LOOPBACK = Address("127.0.0.1", 0)


class HandClock(SystemClock):
    """A clock that stands still until it is moved."""

    millis = 1_700_000_000_000

    def now(self) -> int:
        return self.millis


class Exporters:
    """Two exporters; what they say can be changed."""

    def __init__(self) -> None:
        self.texts = {"a": 'depth{topic="x"} 1\n', "b": 'depth{topic="x"} 2\n'}

    async def answer(self, request: web.Request) -> web.Response:
        text = self.texts.get(request.match_info["name"])
        return web.Response(status=500) if text is None else web.Response(text=text)


@pytest_asyncio.fixture
async def exporters() -> AsyncIterator[tuple[Exporters, int]]:
    exporters = Exporters()
    app = web.Application()
    app.router.add_get("/{name}", exporters.answer)
    async with listening(app, LOOPBACK, flag="-") as bound:
        yield exporters, bound.port


def _write(folder: Path, port: int, rules: str = "[]") -> Path:
    (folder / "rules.yml").write_text(f"groups: [{{name: g, rules: {rules}}}]\n")
    path = folder / "prometheus.yml"
    path.write_text(
        f"""
global: {{scrape_interval: 10s, scrape_timeout: 10s, evaluation_interval: 10s}}
rule_files: [rules.yml]
scrape_configs:
- job_name: nsq
  static_configs:
  - {{targets: ["127.0.0.1:{port}"], labels: {{__metrics_path__: /a, instance: a}}}}
  - {{targets: ["127.0.0.1:{port}"], labels: {{__metrics_path__: /b, instance: b}}}}
"""
    )
    return path


GUARDED = (
    "[{record: 'total:sum', labels: {consumer: c},"
    " expr: 'sum(depth) and on () (count(up{job=\"nsq\"} == 1) == 2)'}]"
)


class Bench:
    """A stand-in whose scrapes are triggered by the test."""

    def __init__(self, standin: StandIn, session: aiohttp.ClientSession, url: str) -> None:
        self.standin, self.session, self.url = standin, session, url

    async def query(self, query: str, method: str = "GET", **more: str) -> tuple[int, Any]:
        parameters = {"query": query, **more}
        url = f"{self.url}/api/v1/query"
        if method == "GET":
            asked = self.session.get(url, params=parameters)
        else:
            asked = self.session.post(url, data=parameters)
        async with asked as response:
            return response.status, await response.json()

    async def values(self, query: str) -> dict[str, str]:
        status, body = await self.query(query)
        assert status == 200, body
        return {
            ",".join(f"{k}={v}" for k, v in sorted(e["metric"].items())): e["value"][1]
            for e in body["data"]["result"]
        }


@pytest.mark.asyncio
async def test_a_failing_target_ends_its_series_and_the_guarded_sum(exporters, tmp_path) -> None:
    world, port = exporters
    clock = HandClock()
    config = _write(tmp_path, port, GUARDED)
    standin = StandIn(config, clock, lambda _: None)
    async with (
        aiohttp.ClientSession() as session,
        listening(standin.app(), LOOPBACK, flag="-") as bound,
    ):
        bench = Bench(standin, session, f"http://127.0.0.1:{bound.port}")
        scrapers = _scrapers(standin, config, session)
        await standin.cycle(scrapers)
        assert await bench.values("total:sum") == {"__name__=total:sum,consumer=c": "3"}
        assert await bench.values("up") == {
            "__name__=up,instance=a,job=nsq": "1",
            "__name__=up,instance=b,job=nsq": "1",
        }
        clock.millis += 1000
        del world.texts["b"]
        await standin.cycle(scrapers)
        assert await bench.values("total:sum") == {}
        assert await bench.values("depth") == {
            "__name__=depth,instance=a,job=nsq,topic=x": "1",
        }
        assert (await bench.values("up"))["__name__=up,instance=b,job=nsq"] == "0"
        clock.millis += 1000
        world.texts["b"] = 'depth{topic="y"} 5\n'
        await standin.cycle(scrapers)
        assert await bench.values("total:sum") == {"__name__=total:sum,consumer=c": "6"}


@pytest.mark.asyncio
async def test_a_series_without_new_samples_is_seen_for_five_minutes(exporters, tmp_path) -> None:
    _, port = exporters
    clock = HandClock()
    config = _write(tmp_path, port)
    standin = StandIn(config, clock, lambda _: None)
    async with (
        aiohttp.ClientSession() as session,
        listening(standin.app(), LOOPBACK, flag="-") as bound,
    ):
        bench = Bench(standin, session, f"http://127.0.0.1:{bound.port}")
        await standin.cycle(_scrapers(standin, config, session))
        clock.millis += 299_000
        assert len(await bench.values("depth")) == 2
        clock.millis += 2_000
        assert await bench.values("depth") == {}


@pytest.mark.asyncio
async def test_answers_have_prometheus_form_and_refusals_say_why(exporters, tmp_path) -> None:
    _, port = exporters
    clock = HandClock()
    config = _write(tmp_path, port)
    standin = StandIn(config, clock, lambda _: None)
    async with (
        aiohttp.ClientSession() as session,
        listening(standin.app(), LOOPBACK, flag="-") as bound,
    ):
        bench = Bench(standin, session, f"http://127.0.0.1:{bound.port}")
        await standin.cycle(_scrapers(standin, config, session))
        status, body = await bench.query("sum(depth)", "POST", time="1700000000.000")
        assert (status, body) == (
            200,
            {
                "status": "success",
                "data": {
                    "resultType": "vector",
                    "result": [{"metric": {}, "value": [1_700_000_000, "3"]}],
                },
            },
        )
        status, body = await bench.query("1/0")
        assert body["data"] == {"resultType": "scalar", "result": [1_700_000_000, "+Inf"]}
        for unsupported in ("topk(1, depth)", "depth offset 1m", "depth[5m]", "depth @ 1"):
            status, body = await bench.query(unsupported)
            assert (status, body["status"], body["errorType"]) == (422, "error", "execution")
            assert "not supported by the sandbox's stand-in" in body["error"]
        for broken in ("sum(", "", "rate(depth)"):
            status, body = await bench.query(broken)
            assert (status, body["errorType"]) == (400, "bad_data")
        status, body = await bench.query("depth", time="yesterday")
        assert (status, body["errorType"]) == (400, "bad_data")


def _scrapers(standin: StandIn, config: Path, session: aiohttp.ClientSession) -> list[Scraper]:
    targets = targets_of(standin.config, config.parent)
    return [Scraper(target, standin.samples, session, 2.0) for target in targets]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("job_name", "job-name", "job-name"),
        ("scrape_interval: 10s", "scrape_interval: soon", "global.scrape_interval: 'soon'"),
        ("scrape_interval: 10s", "scrape_interval: 0s", "must be above zero"),
        ("rule_files: [rules.yml]", "rule_files: [gone.yml]", "gone.yml: cannot be read"),
        ("scrape_configs:", "scrape_configs: {", "not YAML"),
    ],
)
def test_a_wrong_configuration_names_file_and_field(tmp_path, old, new, said) -> None:
    path = _write(tmp_path, 1)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        StandIn(path, SystemClock(), lambda _: None)
    assert str(tmp_path) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "said"),
    [("quantile(0.5, up)", "not supported"), ("sum(", "invalid"), ("up offset 1m", "`offset`")],
)
def test_a_rule_that_cannot_be_evaluated_stops_the_start(tmp_path, expression, said) -> None:
    path = _write(tmp_path, 1, f"[{{record: r, expr: '{expression}'}}]")
    with pytest.raises(ConfigurationError) as caught:
        StandIn(path, SystemClock(), lambda _: None)
    assert "rules.yml: group 'g', rule 'r'" in str(caught.value)
    assert said in str(caught.value)
