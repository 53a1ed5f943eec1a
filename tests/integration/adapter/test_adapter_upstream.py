"""Prometheus down, slow, lying or odd: never a wrong number, never a leak, never more queries."""

import asyncio

import pytest

from adapter.core.upstream import Upstream
from tests.integration.adapter.kit.prometheus import document, vector
from tests.integration.adapter.kit.server import METRIC, ROOT, Harness, adapter, until

pytestmark = pytest.mark.asyncio


async def failure(it: Harness, code: int, reason: str, kind: str) -> None:
    got = (await it.ask(METRIC, user="hpa")).failure(code, reason)
    expected = f"unable to fetch metrics from Prometheus: {kind} (metric queue_depth)"
    assert got["message"] == expected


async def test_nobody_listening_is_unavailability_and_readiness_stays(tmp_path):
    async with adapter(tmp_path, upstream=Upstream("http://127.0.0.1:1")) as it:
        await failure(it, 503, "ServiceUnavailable", "unavailable")
        assert (await it.ask("/readyz")).status == 200
        assert (await it.ask(ROOT, user="root")).status == 200


async def test_recovery_needs_no_restart(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(b"", 503)
        await failure(it, 503, "ServiceUnavailable", "unavailable")
        it.prometheus.says(vector(({}, "7")))
        assert (await it.ask(METRIC, user="hpa")).json["items"][0]["value"] == "7"


async def test_too_slow_is_a_timeout_that_prometheus_was_told_of(tmp_path):
    async with adapter(tmp_path, query_timeout=2.0) as it:
        it.prometheus.stalls()
        await failure(it, 504, "Timeout", "timeout")
        method, form, _ = it.prometheus.requests[0]
        assert method == "POST"
        # What is left of it after looking for company.
        assert 0 < int(form["timeout"].removesuffix("ms")) <= 2000
        assert float(form["time"]) == it.clock.now() / 1000
        await until(lambda: it.prometheus.cancelled == 1)


async def test_prometheus_own_timeout_is_a_timeout(tmp_path):
    async with adapter(tmp_path) as it:
        body = b'{"status":"error","errorType":"timeout","error":"query timed out"}'
        it.prometheus.says(body, 503)
        await failure(it, 504, "Timeout", "timeout")


async def test_a_caller_may_ask_for_less_time(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.stalls()
        got = await it.ask(f"{METRIC}?timeout=2s", user="hpa")
        got.failure(504, "Timeout")
        # Nobody waits any more, so nothing runs on.
        await until(lambda: it.prometheus.cancelled == 1)


async def test_an_impatient_caller_does_not_take_the_answer_from_the_others(tmp_path):
    async with adapter(tmp_path) as it:
        released = it.prometheus.holds(vector(({}, "5")))
        patient = asyncio.create_task(it.ask(METRIC, user="hpa"))
        await until(lambda: it.prometheus.queries)
        (await it.ask(f"{METRIC}?timeout=100ms", user="hpa")).failure(504, "Timeout")
        released.set()
        assert (await patient).json["items"][0]["value"] == "5"
        assert len(it.prometheus.queries) == 1
        assert it.prometheus.cancelled == 0


async def test_sixty_four_at_once_are_one_query(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.stalls(0.5, vector(({"queue": "a"}, "3")))
        answers = await asyncio.gather(*(it.ask(METRIC, user="hpa") for _ in range(64)))
        assert {got.body for got in answers} == {answers[0].body}
        assert {got.status for got in answers} == {200}
        assert len(it.prometheus.queries) == 1


async def test_failures_are_shared_but_not_remembered(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(b"", 500)
        answers = await asyncio.gather(*(it.ask(METRIC, user="hpa") for _ in range(8)))
        assert {got.status for got in answers} == {503}
        asked = len(it.prometheus.queries)
        await it.ask(METRIC, user="hpa")
        assert len(it.prometheus.queries) == asked + 1


async def test_values_are_handed_out_for_the_ttl_and_no_longer(tmp_path):
    async with adapter(tmp_path, cache_ttl=5.0) as it:
        for value, ahead, expected in (("1", 0, "1"), ("2", 4.5, "1"), ("3", 1, "3")):
            it.prometheus.says(vector(({}, value)))
            it.clock.ahead += ahead
            got = await it.ask(METRIC, user="hpa")
            assert got.json["items"][0]["value"] == expected
        assert len(it.prometheus.queries) == 2


@pytest.mark.parametrize(("value", "absence"), [("NaN", "nan"), ("+Inf", "inf"), ("-Inf", "inf")])
async def test_what_is_not_a_number_is_left_out_and_counted(tmp_path, value, absence):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({"queue": "a"}, value)))
        got = await it.ask(METRIC, user="hpa")
        assert (got.status, got.json["items"]) == (200, [])
        assert got.headers["X-Metric-Unavailable"] == absence
        it.prometheus.says(vector(({"queue": "a"}, value), ({"queue": "b"}, "1")))
        it.clock.ahead += 6
        got = await it.ask(METRIC, user="hpa")
        assert [item["metricLabels"] for item in got.json["items"]] == [{"queue": "b"}]
        assert "X-Metric-Unavailable" not in got.headers
        metrics = (await it.ask("/metrics", user="root")).body
        assert b'wpa_adapter_samples_dropped_total{metric="queue_depth"} 2.0' in metrics


@pytest.mark.parametrize(
    ("value", "quantity"),
    [
        ("1e18", "9223372036854775807m"),
        ("-1e300", "-9223372036854775807m"),
        ("9200000000000000", "9200T"),
        ("-5.5", "-5500m"),
        ("0.0005", "1m"),
        ("0.00049999", "0"),
    ],
)
async def test_extremes_are_bent_never_wrapped(tmp_path, value, quantity):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({}, value)))
        assert (await it.ask(METRIC, user="hpa")).json["items"][0]["value"] == quantity


async def test_a_scalar_is_a_series_without_labels(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(document("scalar", [1700000000.5, "2.5"]))
        (item,) = (await it.ask(METRIC, user="hpa")).json["items"]
        assert (item["metricLabels"], item["value"]) == ({}, "2500m")


async def test_warnings_are_counted(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({}, "1"), warnings=["partial answer"]))
        assert (await it.ask(METRIC, user="hpa")).status == 200
        metrics = (await it.ask("/metrics", user="root")).body
        assert b'wpa_adapter_upstream_warnings_total{upstream="default"} 1.0' in metrics


async def test_too_many_series_are_refused(tmp_path):
    async with adapter(tmp_path) as it:
        series = [({"queue": str(index)}, "1") for index in range(5001)]
        it.prometheus.says(vector(*series))
        await failure(it, 500, "InternalError", "too large")
        it.prometheus.says(vector(*series[:5000]))
        assert len((await it.ask(METRIC, user="hpa")).json["items"]) == 5000


async def test_headers_token_and_verb_reach_prometheus(tmp_path):
    token = tmp_path / "token"
    token.write_text("one\n")
    async with adapter(tmp_path) as outer:
        upstream = Upstream(
            outer.prometheus.url,
            verb="GET",
            token_file=str(token),
            headers={"X-Scope-OrgID": "team"},
        )
        (tmp_path / "inner").mkdir()
        async with adapter(tmp_path / "inner", upstream=upstream) as it:
            await it.ask(METRIC, user="hpa")
            token.write_text("another\n")
            it.clock.ahead += 6
            await it.ask(METRIC, user="hpa")
        (first, _, headers), (_, _, later) = outer.prometheus.requests
        assert first == "GET"
        assert (headers["X-Scope-OrgID"], headers["Authorization"]) == ("team", "Bearer one")
        assert later["Authorization"] == "Bearer another"
