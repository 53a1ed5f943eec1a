"""Against the real Prometheus: our values are those that an independent client reads.

The server scrapes nothing: it is loaded with a block of samples before it starts.
"""

import asyncio
import contextlib
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import pytest
from prometheus_api_client import PrometheusConnect

from adapter.core.results import MAX_MILLI
from adapter.core.upstream import Upstream
from kube.vocab.quantity import parse_milli
from kube.vocab.times import SECOND, format_rfc3339
from tests.integration.adapter.kit.real_prometheus import NEEDS_PROMETHEUS, prometheus_with
from tests.integration.adapter.kit.server import ROOT, adapter

pytestmark = [
    *NEEDS_PROMETHEUS,
    pytest.mark.asyncio,
]

RULES = """
externalRules:
- seriesQuery: 'queue_depth{queue!=""}'
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
- seriesQuery: 'queue_depth'
  name: {as: queue_total}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
- seriesQuery: 'queue_depth'
  name: {as: queue_ratio}
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>} / 7'
- seriesQuery: 'queue_depth'
  name: {as: queue_nothing}
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>} / 0'
- seriesQuery: 'queue_depth'
  name: {as: constant}
  resources: {namespaced: false}
  metricsQuery: '0.1 + 0.2'
- seriesQuery: 'queue_depth'
  name: {as: mismatched}
  resources: {namespaced: false}
  metricsQuery: 'queue_depth * on () queue_depth'
- seriesQuery: 'queue_depth'
  name: {as: queue_timed}
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
  timestampQuery: 'timestamp(<<.Series>>{<<.LabelMatchers>>,queue!="q.3"})'
"""
VALUES = ["0", "1", "1.005", "-5.5", "123456789.123", "9200000000000000", "0.0004", "1e18"]


@contextlib.asynccontextmanager
async def real_prometheus(folder: Path) -> AsyncIterator[tuple[str, Process]]:
    """A Prometheus that knows `queue_depth` in two namespaces; yields address and process."""
    now = int(time.time())
    lines = ["# TYPE queue_depth gauge"]
    for at in (now - 60, now, now + 60):
        for index, value in enumerate(VALUES):
            for namespace in ("blue", "green"):
                labels = f'queue="q.{index}",namespace="{namespace}",odd="a\\"b\\\\c"'
                lines.append(f"queue_depth{{{labels}}} {value} {at}")
    async with prometheus_with(folder, lines) as found:
        yield found


def independent(url: str, query: str) -> dict[frozenset[tuple[str, str]], str]:
    """What prometheus-api-client reads: values by labels, as text."""
    found = PrometheusConnect(url=url).custom_query(query)
    return {frozenset(one["metric"].items()): one["value"][1] for one in found}


async def test_our_values_are_those_of_an_independent_client(tmp_path):
    pairs = [
        ("blue/queue_depth", 'queue_depth{namespace="blue"}'),
        (
            "green/queue_depth?labelSelector=queue%3Dq.2",
            'queue_depth{queue="q.2",namespace="green"}',
        ),
        (
            "blue/queue_depth?labelSelector=queue+in+(q.1,q.3,qx1)",
            'queue_depth{queue=~"q[.]1|q[.]3|qx1",namespace="blue"}',
        ),
        (
            "blue/queue_depth?labelSelector=queue+notin+(q.1,q.3),queue",
            'queue_depth{queue!~"q[.]1|q[.]3",namespace="blue"}',
        ),
        (
            "blue/queue_depth?labelSelector=!nothing,queue!%3Dq.0",
            'queue_depth{queue!="q.0",namespace="blue"}',
        ),
        ("blue/queue_total", 'sum(queue_depth{namespace="blue"})'),
        ("green/queue_ratio", 'queue_depth{namespace="green"} / 7'),
        ("elsewhere/queue_depth", 'queue_depth{namespace="elsewhere"}'),
    ]
    (tmp_path / "p").mkdir()
    async with (
        real_prometheus(tmp_path / "p") as (url, _),
        adapter(tmp_path, rules=RULES, upstream=Upstream(url)) as it,
    ):
        for path, query in pairs:
            got = await it.ask(f"{ROOT}/namespaces/{path}", user="root")
            assert got.status == 200, got.body
            expected = await asyncio.to_thread(independent, url, query)
            items = got.json["items"]
            assert {frozenset(i["metricLabels"].items()) for i in items} == set(expected)
            for item in items:
                text = expected[frozenset(item["metricLabels"].items())]
                exact = Fraction(text) * 1000
                bounded = max(min(exact, Fraction(MAX_MILLI)), Fraction(-MAX_MILLI))
                assert abs(parse_milli(item["value"]) - bounded) <= Fraction(1, 2)

        got = (await it.ask(f"{ROOT}/namespaces/any/constant", user="root")).json["items"]
        assert [(one["metricLabels"], one["value"]) for one in got] == [({}, "300m")]
        got = await it.ask(f"{ROOT}/namespaces/blue/queue_nothing", user="root")
        # One series is 0/0, the others are infinite.
        assert (got.status, got.json["items"]) == (200, [])
        got = await it.ask(f"{ROOT}/namespaces/blue/mismatched", user="root")
        got.failure(500, "InternalError")


async def test_sample_times_are_the_real_ones_and_samples_without_one_are_left_out(tmp_path):
    (tmp_path / "p").mkdir()
    async with (
        real_prometheus(tmp_path / "p") as (url, _),
        adapter(tmp_path, rules=RULES, upstream=Upstream(url)) as it,
    ):
        items = (await it.ask(f"{ROOT}/namespaces/blue/queue_timed", user="root")).json["items"]
        seen = await asyncio.to_thread(
            independent, url, 'timestamp(queue_depth{namespace="blue",queue!="q.3"})'
        )
        assert len(items) == len(seen) == len(VALUES) - 1
        for item in items:
            del item["metricLabels"]["__name__"]
            at = seen[frozenset(item["metricLabels"].items())]
            assert item["timestamp"] == format_rfc3339(round(float(at) * SECOND))


async def test_stopping_prometheus_leaves_an_old_value_and_then_unavailability(tmp_path):
    (tmp_path / "p").mkdir()
    async with (
        real_prometheus(tmp_path / "p") as (url, process),
        adapter(tmp_path, rules=RULES, upstream=Upstream(url, verb="GET")) as it,
    ):
        path = f"{ROOT}/namespaces/blue/queue_total"
        before = await it.ask(path, user="root")
        assert before.status == 200
        process.terminate()
        await process.wait()
        it.clock.ahead += 20
        # The last good value with its own timestamp, for thirty seconds.
        old = await it.ask(path, user="root")
        assert (old.status, old.body) == (200, before.body)
        assert int(old.headers["Age"]) in (20, 21)
        it.clock.ahead += 11
        (await it.ask(path, user="root")).failure(503, "ServiceUnavailable")
        assert (await it.ask("/readyz")).status == 200
