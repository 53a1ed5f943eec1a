"""The stand-in and the real Prometheus beside each other on the same live workload."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from kube.service.listeners import listening
from kube.service.settings import Address
from kube.vocab.times import SystemClock
from sandbox.prometheus.standin import StandIn
from sandbox.workload.app import make_app
from sandbox.workload.script import parse_script
from sandbox.workload.simulation import Simulation
from tests.integration.demo.real_prometheus import running_prometheus

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus"),
]

SCRIPT = parse_script(
    """
nsqd: [nsqd, nsqd2, nsqd3]
consumers:
- {namespace: kodo, deployment: kodo-x, drainPerSecond: 30}
topics:
- {name: df_metric_a, channel: kodo-x, consumer: kodo/kodo-x}
- {name: df_logging, channel: kodo-x, consumer: kodo/kodo-x}
phases:
- {name: only, seconds: 1, rates: {df_metric_a: 300, df_logging: 60}}
""",
    "script",
)
GUARDED = (
    'sum(max by (instance, topic, channel) (nsq_channel_depth{job="nsq-exporter",'
    ' topic=~"df_metric_.+"})) and on () (count(up{job="nsq-exporter"} == 1) == 3)'
)
CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
scrape_configs:
- job_name: nsq-exporter
  static_configs:
  - targets: ["127.0.0.1:{port}"]
    labels: {{__metrics_path__: /nsqd/nsqd/metrics, instance: nsqd}}
  - targets: ["127.0.0.1:{port}"]
    labels: {{__metrics_path__: /nsqd/nsqd2/metrics, instance: nsqd2}}
  - targets: ["127.0.0.1:{port}"]
    labels: {{__metrics_path__: /nsqd/nsqd3/metrics, instance: nsqd3}}
- job_name: pods
  metrics_path: /pods/metrics
  static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{container: mine}}}}]
"""


async def _ask(session: aiohttp.ClientSession, url: str, query: str) -> Any:
    async with session.post(f"{url}/api/v1/query", data={"query": query}) as response:
        assert response.status == 200, await response.text()
        result = (await response.json())["data"]["result"]
    return sorted((sorted(e["metric"].items()), float(e["value"][1])) for e in result)


async def _settles(session: aiohttp.ClientSession, urls: list[str], query: str, size: int) -> Any:
    """What both answer as soon as they agree on `size` elements."""
    deadline = time.monotonic() + 60
    while True:
        answers = [await _ask(session, url, query) for url in urls]
        if answers[0] == answers[1] and len(answers[0]) == size:
            return answers[0]
        assert time.monotonic() < deadline, (query, answers)
        await asyncio.sleep(0.05)


@pytest.mark.asyncio
async def test_both_see_the_same_workload_and_lose_the_same_series(tmp_path: Path) -> None:
    simulation = Simulation(SCRIPT)
    simulation.set_ready({"kodo/kodo-x": frozenset({"pod-a"})})
    simulation.advance(1000)
    broken: set[str] = set()

    @web.middleware
    async def breakdown(request: web.Request, handler: Any) -> Any:
        if request.path in broken:
            raise web.HTTPInternalServerError
        return await handler(request)

    app = make_app(simulation)
    app.middlewares.append(breakdown)
    async with (
        aiohttp.ClientSession() as session,
        listening(app, Address("127.0.0.1", 0), flag="-") as bound,
    ):
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.format(port=bound.port))
        (tmp_path / "rules.yml").write_text(
            "groups: [{name: g, rules: [{record: 'backlog:sum', labels: {consumer: c},"
            f" expr: '{GUARDED}'}}]}}]\n"
        )
        standin = StandIn(config, SystemClock(), lambda _: None)
        with running_prometheus(config, tmp_path / "data") as real:
            async with (
                listening(standin.app(), Address("127.0.0.1", 0), flag="-") as ours,
                standin.scraping(),
            ):
                urls = [f"http://127.0.0.1:{ours.port}", real]
                await _compare(session, urls, broken, simulation)


async def _compare(
    session: aiohttp.ClientSession, urls: list[str], broken: set[str], simulation: Simulation
) -> None:
    depth = sum(q.depth for q in simulation.nsq.queues if q.topic.name == "df_metric_a")
    ((labels, value),) = await _settles(session, urls, "backlog:sum", 1)
    assert dict(labels) == {"__name__": "backlog:sum", "consumer": "c"}
    assert value == depth
    await _settles(session, urls, "up", 4)
    await _settles(session, urls, "nsq_channel_in_flight_count", 6)
    ((labels, _),) = await _settles(session, urls, "container_cpu_usage_seconds_total", 1)
    assert dict(labels)["exported_container"] == "kodo-x"
    assert dict(labels)["container"] == "mine"

    broken.add("/nsqd/nsqd2/metrics")
    await _settles(session, urls, "backlog:sum", 0)
    await _settles(session, urls, "nsq_channel_depth", 4)
    await _settles(session, urls, "up == 0", 1)
    broken.clear()
    await _settles(session, urls, "backlog:sum", 1)

    simulation.set_ready({})
    await _settles(session, urls, "container_cpu_usage_seconds_total", 0)
    await _settles(session, urls, "up == 1", 4)
