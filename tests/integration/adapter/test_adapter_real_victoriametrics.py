"""Against the real VictoriaMetrics: our values and times are those an independent client reads."""

import asyncio
import shutil
import time
from fractions import Fraction

import pytest
from prometheus_api_client import PrometheusConnect

from adapter.core.results import MAX_MILLI
from kube.vocab.quantity import parse_milli
from kube.vocab.times import SECOND, format_rfc3339
from tests.integration.adapter.kit.server import ROOT, adapter
from tests.integration.adapter.kit.victoriametrics import (
    AUTHORIZATION,
    PASSWORD,
    USER,
    victoria_metrics,
)

pytestmark = [
    pytest.mark.victoriametrics,
    pytest.mark.asyncio,
    pytest.mark.skipif(
        shutil.which("victoria-metrics") is None, reason="no victoria-metrics on PATH"
    ),
]

RULES = """
upstreams:
  vm: {{url: "{url}", basicAuth: {{username: {user}, passwordFile: {file}}}}}
defaults: {{upstream: vm}}
externalRules:
- seriesQuery: queue_depth
  metricsQuery: '<<.Series>>{{<<.LabelMatchers>>}}'
  timestampQuery: 'timestamp(<<.Series>>{{<<.LabelMatchers>>}})'
- seriesQuery: queue_depth
  name: {{as: queue_total}}
  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}})'
  timestampQuery: 'min(timestamp(<<.Series>>{{<<.LabelMatchers>>}}))'
- seriesQuery: queue_depth
  name: {{as: queue_ratio}}
  metricsQuery: '<<.Series>>{{<<.LabelMatchers>>}} / 7'
- seriesQuery: queue_depth
  name: {{as: infinite}}
  metricsQuery: '(<<.Series>>{{<<.LabelMatchers>>}} + 1) / 0'
- seriesQuery: queue_depth
  name: {{as: mismatched}}
  resources: {{namespaced: false}}
  metricsQuery: 'queue_depth * on () queue_depth'
"""
VALUES = ["0", "1", "1.005", "-5.5", "123456789.123", "9200000000000000", "0.0004", "1e18"]
AGES = [11, 23, 5, 41, 17, 2, 29, 8]


def samples(now: int) -> str:
    return "".join(
        f'queue_depth{{queue="q.{index}",namespace="{namespace}",odd="a\\"b\\\\c"}} '
        f"{value} {(now - age) * SECOND}\n"
        for index, (value, age) in enumerate(zip(VALUES, AGES, strict=True))
        for namespace in ("blue", "green")
    )


def independent(url: str, query: str) -> dict[frozenset[tuple[str, str]], str]:
    """What prometheus-api-client reads: values by labels without the name, as text."""
    client = PrometheusConnect(url=url, headers={"Authorization": AUTHORIZATION})
    return {
        frozenset(pair for pair in one["metric"].items() if pair[0] != "__name__"): one["value"][1]
        for one in client.custom_query(query)
    }


async def test_values_and_sample_times_are_those_of_an_independent_client(tmp_path):
    now = int(time.time())
    (tmp_path / "password").write_text(PASSWORD)
    async with victoria_metrics(tmp_path, samples(now)) as url:
        rules = RULES.format(url=url, user=USER, file=tmp_path / "password")
        async with adapter(tmp_path, rules=rules) as it:
            for path, query, times in (
                (
                    "blue/queue_depth",
                    'queue_depth{namespace="blue"}',
                    'timestamp(queue_depth{namespace="blue"})',
                ),
                (
                    "blue/queue_depth?labelSelector=queue+in+(q.1,q.3,qx1)",
                    'queue_depth{queue=~"q[.]1|q[.]3|qx1",namespace="blue"}',
                    'timestamp(queue_depth{queue=~"q[.]1|q[.]3",namespace="blue"})',
                ),
                (
                    "green/queue_total",
                    'sum(queue_depth{namespace="green"})',
                    'min(timestamp(queue_depth{namespace="green"}))',
                ),
                ("green/queue_ratio", 'queue_depth{namespace="green"} / 7', ""),
                ("elsewhere/queue_depth", 'queue_depth{namespace="elsewhere"}', ""),
            ):
                got = await it.ask(f"{ROOT}/namespaces/{path}", user="root")
                assert got.status == 200, got.body
                expected = await asyncio.to_thread(independent, url, query)
                seen = await asyncio.to_thread(independent, url, times) if times else {}
                found = {
                    frozenset(
                        pair for pair in item["metricLabels"].items() if pair[0] != "__name__"
                    ): item
                    for item in got.json["items"]
                }
                assert set(found) == set(expected)
                for labels, item in found.items():
                    exact = Fraction(expected[labels]) * 1000
                    bounded = max(min(exact, Fraction(MAX_MILLI)), Fraction(-MAX_MILLI))
                    assert abs(parse_milli(item["value"]) - bounded) <= Fraction(1, 2)
                    if seen:
                        at = round(float(seen[labels]) * SECOND)
                        assert item["timestamp"] == format_rfc3339(at)
            # The oldest of all series dates their sum.
            (item,) = (await it.ask(f"{ROOT}/namespaces/blue/queue_total", user="root")).json[
                "items"
            ]
            assert item["timestamp"] == format_rfc3339((now - max(AGES)) * SECOND)
            got = await it.ask(f"{ROOT}/namespaces/blue/infinite", user="root")
            assert (got.status, got.json["items"]) == (200, [])
            assert got.headers["X-Metric-Unavailable"] == "inf"
            got = await it.ask(f"{ROOT}/namespaces/blue/mismatched", user="root")
            got.failure(500, "InternalError")
            assert it.prometheus.queries == []


async def test_a_wrong_password_is_unavailability(tmp_path):
    (tmp_path / "password").write_text("wrong")
    async with victoria_metrics(tmp_path, samples(int(time.time()))) as url:
        rules = RULES.format(url=url, user=USER, file=tmp_path / "password")
        async with adapter(tmp_path, rules=rules) as it:
            got = await it.ask(f"{ROOT}/namespaces/blue/queue_total", user="root")
            got.failure(503, "ServiceUnavailable")
            (tmp_path / "password").write_text(PASSWORD)
            got = await it.ask(f"{ROOT}/namespaces/blue/queue_total", user="root")
            assert got.status == 200
