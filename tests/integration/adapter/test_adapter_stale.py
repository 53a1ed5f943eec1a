"""What callers get while Prometheus fails, is slow, or says what a rule does not accept."""

import asyncio

import pytest

from adapter.core.breaker import FAILURES
from tests.integration.adapter.kit.prometheus import document, vector
from tests.integration.adapter.kit.server import METRIC, PATIENCE, ROOT, Harness, adapter, until

pytestmark = pytest.mark.asyncio


def rules(options: str) -> str:
    return f"externalRules: [{{seriesQuery: m, metricsQuery: 'sum(m)', {options}}}]"


async def ask(it: Harness, metric: str = "m"):
    return await it.ask(f"{ROOT}/namespaces/default/{metric}", user="root")


async def shown(it: Harness, line: str) -> bool:
    return line in (await it.ask("/metrics", user="root")).body.decode().splitlines()


async def test_the_last_good_value_stands_in_for_thirty_seconds(tmp_path):
    async with adapter(tmp_path) as it:
        good = await it.ask(METRIC, user="hpa")
        assert "Age" not in good.headers
        it.prometheus.says(b"", 503)
        for ahead in (6.0, 12.0, 11.0):
            it.clock.ahead += ahead
            old = await it.ask(METRIC, user="hpa")
            # The original timestamp is part of the body.
            assert (old.status, old.body) == (200, good.body)
            assert int(it.clock.ahead) <= int(old.headers["Age"]) <= int(it.clock.ahead) + 1
        assert await shown(it, 'wpa_adapter_value_reads_total{source="stale"} 3.0')
        it.clock.ahead += 2
        got = (await it.ask(METRIC, user="hpa")).failure(503, "ServiceUnavailable")
        assert "unavailable (metric queue_depth)" in got["message"]
        it.prometheus.says(vector(({}, "8")))
        it.clock.ahead += 6
        got = await it.ask(METRIC, user="hpa")
        assert (got.json["items"][0]["value"], "Age" in got.headers) == ("8", False)


async def test_a_hung_prometheus_makes_nobody_wait_who_can_have_an_old_value(tmp_path):
    async with adapter(tmp_path, query_timeout=10 * PATIENCE, refresh_for=60.0) as it:
        good = await it.ask(METRIC, user="hpa")
        it.prometheus.stalls()
        it.clock.ahead += 6
        async with asyncio.timeout(PATIENCE):
            answers = [await it.ask(METRIC, user="hpa") for _ in range(20)]
        assert {one.body for one in answers} == {good.body}
        assert len(it.prometheus.queries) == 2


async def test_an_old_value_of_nothing_is_still_nothing(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({}, "NaN")))
        await it.ask(METRIC, user="hpa")
        it.prometheus.says(b"", 500)
        it.clock.ahead += 6
        got = await it.ask(METRIC, user="hpa")
        assert (got.status, got.json["items"]) == (200, [])
        assert (got.headers["X-Metric-Unavailable"], got.headers["Age"]) == ("nan", "6")


async def test_what_is_in_use_is_refreshed_without_a_reader(tmp_path):
    async with adapter(tmp_path, cache_ttl=1.0, refresh_for=60.0) as it:
        await it.ask(METRIC, user="hpa")
        it.prometheus.says(vector(({}, "9")))

        async def refreshed_twice():
            it.clock.ahead += 0.1
            return len(it.prometheus.queries) >= 3

        await until(refreshed_twice)
        got = await it.ask(METRIC, user="hpa")
        assert got.json["items"][0]["value"] == "9"
        assert await shown(it, 'wpa_adapter_value_reads_total{source="upstream"} 1.0')


async def test_an_outage_is_not_asked_about_by_every_caller(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(b"", 502)
        for n in range(30):
            got = await it.ask(f"{METRIC}?labelSelector=queue%3Dq{n}", user="hpa")
            got.failure(503, "ServiceUnavailable")
        assert len(it.prometheus.queries) == FAILURES
        assert await shown(it, 'wpa_adapter_upstream_breaker_open{upstream="default"} 1.0')
        assert (await it.ask("/readyz")).status == 200


TWO = vector(({"a": "1"}, "1"), ({"a": "2"}, "2"))
PARTIAL = vector(({}, "1"), warnings=["a store did not answer"])


@pytest.mark.parametrize(
    ("options", "body", "kind"),
    [
        ("onEmpty: error", vector(), "no series"),
        ("onEmpty: error", vector(({}, "NaN")), "no series"),
        ("nonFinite: error", vector(({"a": "1"}, "1"), ({"a": "2"}, "+Inf")), "not a number"),
        ("expect: one", TWO, "several series"),
        ("onWarnings: error", PARTIAL, "partial answer"),
        ("maxSeries: 1", TWO, "too large"),
    ],
)
async def test_what_a_rule_refuses_is_an_error_of_its_own(tmp_path, options, body, kind):
    async with adapter(tmp_path, rules=rules(options)) as it:
        assert (await ask(it)).status == 200
        it.prometheus.says(body)
        it.clock.ahead += 40
        got = (await ask(it)).failure(500, "InternalError")
        assert got["message"] == f"unable to fetch metrics from Prometheus: {kind} (metric m)"


@pytest.mark.parametrize(
    ("options", "body", "values"),
    [
        ("onEmpty: zero", vector(), ["0"]),
        ("onEmpty: zero", vector(({}, "NaN")), []),
        ("onEmpty: empty", vector(), []),
        ("nonFinite: drop", vector(({"a": "1"}, "1"), ({"a": "2"}, "+Inf")), ["1"]),
        ("expect: any", TWO, ["1", "2"]),
        ("onWarnings: accept", PARTIAL, ["1"]),
        ("maxSeries: 2", TWO, ["1", "2"]),
        ("expect: one", document("scalar", [1700000000, "3"]), ["3"]),
    ],
)
async def test_what_a_rule_accepts(tmp_path, options, body, values):
    async with adapter(tmp_path, rules=rules(options)) as it:
        it.prometheus.says(body)
        assert [item["value"] for item in (await ask(it)).json["items"]] == values


async def test_window_and_the_value_for_failures(tmp_path):
    options = 'window: 90s, staleFor: 0s, onError: {value: "2500m"}'
    async with adapter(tmp_path, rules=rules(options)) as it:
        (item,) = (await ask(it)).json["items"]
        assert item["window"] == 90
        it.prometheus.says(b"", 500)
        it.clock.ahead += 6
        (item,) = (await ask(it)).json["items"]
        assert (item["value"], item["window"], item["metricLabels"]) == ("2500m", 90, {})
        assert await shown(it, 'wpa_adapter_value_reads_total{source="fallback"} 1.0')


async def test_an_answer_of_more_than_a_megabyte(tmp_path):
    async with adapter(tmp_path, rules=rules("maxSeries: 20000")) as it:
        series = [({"queue": f"{n:0100d}"}, str(n)) for n in range(10_000)]
        it.prometheus.says(vector(*series))
        items = (await ask(it)).json["items"]
        assert [one["metricLabels"]["queue"] for one in items] == [
            one["queue"] for one, _ in series
        ]
        it.prometheus.says(vector(*series)[:-10])
        it.clock.ahead += 40
        (await ask(it)).failure(500, "InternalError")


async def test_a_rule_may_give_its_query_more_or_less_time(tmp_path):
    async with adapter(tmp_path, rules=rules("timeout: 2s")) as it:
        it.prometheus.stalls()
        (await ask(it)).failure(504, "Timeout")
        assert int(it.prometheus.requests[0][1]["timeout"].removesuffix("ms")) <= 2000
    (tmp_path / "b").mkdir()
    async with adapter(tmp_path / "b", rules=rules("timeout: 40s"), query_timeout=0.2) as it:
        it.prometheus.stalls(0.5, vector(({}, "5")))
        assert (await ask(it)).json["items"][0]["value"] == "5"
