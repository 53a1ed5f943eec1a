"""Metrics that only series can name, found in a real Prometheus."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.core.upstream import Upstream
from tests.integration.adapter.kit.real_prometheus import NEEDS_PROMETHEUS, prometheus_with
from tests.integration.adapter.kit.server import ROOT, Harness, adapter, until

pytestmark = [
    *NEEDS_PROMETHEUS,
    pytest.mark.asyncio,
]

RULES = """
externalRules:
- seriesQuery: '{__name__=~"^queue_.*",job="app"}'
  seriesFilters: [{isNot: '_bucket$'}]
  name: {matches: '^queue_(.*)_total$', as: '${1}_per_second'}
  resources: {namespaced: false}
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m]))'
- seriesQuery: '{__name__=~"^(Depth|age)$"}'
  metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'
- seriesQuery: 'depth'
  name: {as: known}
  metricsQuery: 'max(Depth)'
"""


def samples(*more: str) -> Iterator[str]:
    """Counters and gauges of the last minutes, and what died long ago."""
    now = int(time.time())
    for name, step in [("queue_jobs_total", 60), ("queue_mail_total", 6), ("queue_x_bucket", 1)]:
        for minute in range(6):
            yield f'{name}{{job="app"}} {minute * step} {now - 300 + 60 * minute}'
    for name, value in [("Depth", 5), ("age", 7)]:
        for at in (now - 60, now, now + 120):
            yield f'{name}{{namespace="blue"}} {value} {at}'
    yield f'queue_old_total{{job="app"}} 1 {now - 7200}'


async def served(it: Harness) -> set[str]:
    got = await it.ask(ROOT, user="root")
    return {one["name"] for one in got.json["resources"]}


async def test_metrics_are_named_by_the_series_there_are(tmp_path):
    (tmp_path / "p").mkdir()
    async with (
        prometheus_with(tmp_path / "p", samples()) as (url, _),
        adapter(tmp_path, rules=RULES, upstream=Upstream(url)) as it,
    ):

        async def found():
            return await served(it) == {
                "known", "jobs_per_second", "mail_per_second", "depth", "age",
            }  # fmt: skip

        await until(found)
        got = await it.ask(f"{ROOT}/namespaces/any/jobs_per_second", user="root")
        assert [one["value"] for one in got.json["items"]] == ["1"]
        # Found as "Depth", asked for as clients do, and in the namespace that has it alone.
        values = {}
        for namespace in ("blue", "green"):
            got = await it.ask(f"{ROOT}/namespaces/{namespace}/depth", user="root")
            values[namespace] = [one["value"] for one in got.json["items"]]
        assert values == {"blue": ["5"], "green": []}
        told = (await it.ask("/debug/rules", user="root")).json["rules"]
        by_file = [one["metric"] for one in told if not one["foundBySeries"]]
        assert (len(told), by_file) == (5, ["known"])
        # Without a sample within the age there is no metric.
        got = await it.ask(f"{ROOT}/namespaces/any/old_per_second", user="root")
        got.failure(404, "NotFound")
        await it.ask(f"{ROOT}/namespaces/any/known", user="root")
        groups = await it.ask(
            "/apis",
            user="root",
            headers={
                "Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            },
        )
        (version,) = groups.json["items"][0]["versions"]
        assert {one["resource"] for one in version["resources"]} == await served(it)


async def test_while_prometheus_is_away_names_of_the_file_are_known_and_others_come_later(tmp_path):
    (tmp_path / "p").mkdir()
    async with prometheus_with(tmp_path / "p", samples()) as (url, process):
        process.terminate()
        await process.wait()
        async with adapter(tmp_path, rules=RULES, upstream=Upstream(url)) as it:
            got = await it.ask(f"{ROOT}/namespaces/any/known", user="root")
            got.failure(503, "ServiceUnavailable")
            got = await it.ask(f"{ROOT}/namespaces/any/jobs_per_second", user="root")
            got.failure(404, "NotFound")

            async def tried():
                text = (await it.ask("/metrics", user="root")).body.decode()
                return 'wpa_adapter_discoveries_total{outcome="unavailable"}' in text

            await until(tried)
            assert (await it.ask("/readyz")).status == 200


async def test_names_stay_when_prometheus_goes_and_follow_a_new_file(tmp_path):
    (tmp_path / "p").mkdir()
    async with (
        prometheus_with(tmp_path / "p", samples()) as (url, process),
        adapter(tmp_path, rules=RULES, upstream=Upstream(url), relist_interval=0.2) as it,
    ):

        async def found():
            return "age" in await served(it)

        await until(found)
        (tmp_path / "rules.yaml").write_text(RULES.replace("(Depth|age)", "(Depth|none)"))
        it.server.reload.set()

        async def gone():
            return "age" not in await served(it)

        await until(gone)
        assert "depth" in await served(it)
        process.terminate()
        await process.wait()

        async def failed():
            text: Any = (await it.ask("/metrics", user="root")).body.decode()
            return 'wpa_adapter_discoveries_total{outcome="unavailable"}' in text

        await until(failed)
        assert {"depth", "jobs_per_second"} <= await served(it)
