"""Each Prometheus has its own limits, queue and circuit, and they follow the rule file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adapter.core.breaker import FAILURES, PROBE_EVERY
from adapter.core.problems import ConfigurationError
from adapter.core.question import Question
from adapter.core.results import UpstreamError
from adapter.core.upstream import Upstream
from adapter.metrics import AdapterMetrics
from adapter.upstreams import Upstreams
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus, vector
from tests.integration.adapter.kit.server import METRIC, ROOT, SteppedClock, adapter, until

pytestmark = pytest.mark.asyncio


class Asking:
    """Upstreams, the clock they see, and what they tell."""

    def __init__(self, default: Upstream) -> None:
        self.clock = SteppedClock()
        self.metrics = AdapterMetrics("test")
        self.upstreams = Upstreams(default, self.clock, self.metrics)

    async def value(self, question: Question, budget: float = 5.0) -> int:
        (sample,) = (await self.upstreams.query(question, budget)).samples
        return sample.milli

    async def failure(self, question: Question, budget: float = 5.0) -> str:
        with pytest.raises(UpstreamError) as caught:
            await self.upstreams.query(question, budget)
        return caught.value.kind

    def shown(self, name: str, **labels: str) -> float:
        labels = {"upstream": "default"} | labels
        return self.metrics.registry.get_sample_value(f"wpa_adapter_{name}", labels) or 0.0


@asynccontextmanager
async def asking(prometheus: FakePrometheus, **fields: object) -> AsyncIterator[Asking]:
    it = Asking(Upstream(prometheus.url, **fields))  # type: ignore[arg-type]
    async with it.upstreams:
        yield it


M = Question("m")


async def test_queries_beyond_the_limit_wait_and_beyond_the_queue_fail_at_once():
    async with (
        fake_prometheus() as prometheus,
        asking(prometheus, max_concurrent=2, max_queued=3) as it,
    ):
        released = prometheus.holds()
        running = [asyncio.create_task(it.value(M)) for _ in range(5)]
        await until(lambda: len(prometheus.queries) == 2)
        assert it.shown("upstream_in_flight") == 2
        assert it.shown("upstream_queued") == 3
        assert await it.failure(M) == "unavailable"
        assert it.shown("upstream_not_asked_total", reason="queue") == 1
        released.set()
        assert await asyncio.gather(*running) == [1000] * 5
        assert len(prometheus.queries) == 5
        # Neither counts for the circuit nor is anything left.
        assert it.shown("upstream_in_flight") == it.shown("upstream_queued") == 0
        assert it.shown("upstream_breaker_open") == 0


async def test_who_waits_too_long_for_a_turn_times_out_without_asking():
    async with fake_prometheus() as prometheus, asking(prometheus, max_concurrent=1) as it:
        released = prometheus.holds()
        first = asyncio.create_task(it.value(M))
        await until(lambda: prometheus.queries)
        assert await it.failure(M, 0.1) == "timeout"
        released.set()
        assert await first == 1000
        assert len(prometheus.queries) == 1


async def test_the_time_in_the_queue_is_taken_off_what_prometheus_is_given():
    async with fake_prometheus() as prometheus, asking(prometheus, max_concurrent=1) as it:
        released = prometheus.holds()
        running = [asyncio.create_task(it.value(M, 30.0)) for _ in range(2)]
        await until(lambda: prometheus.queries)
        await asyncio.sleep(0.5)
        released.set()
        await asyncio.gather(*running)
        given = [int(form["timeout"].removesuffix("ms")) for _, form, _ in prometheus.requests]
        assert 0 < given[1] <= 29_500 < given[0] <= 30_000


async def test_a_query_given_up_frees_its_turn():
    async with fake_prometheus() as prometheus, asking(prometheus, max_concurrent=1) as it:
        prometheus.stalls()
        first = asyncio.create_task(it.value(M))
        await until(lambda: prometheus.queries)
        first.cancel()
        prometheus.says(vector(({}, "2")))
        assert await it.value(M) == 2000


async def test_a_prometheus_that_fails_is_asked_now_and_then_until_it_answers():
    async with fake_prometheus() as prometheus, asking(prometheus) as it:
        prometheus.says(b"", 503)
        for _ in range(FAILURES):
            assert await it.failure(M) == "unavailable"
        assert it.shown("upstream_breaker_open") == 1
        for _ in range(20):
            assert await it.failure(M) == "unavailable"
        assert len(prometheus.queries) == FAILURES
        assert it.shown("upstream_not_asked_total", reason="circuit") == 20
        it.clock.ahead += PROBE_EVERY
        outcomes = await asyncio.gather(*(it.failure(M) for _ in range(10)))
        assert set(outcomes) == {"unavailable"}
        assert len(prometheus.queries) == FAILURES + 1
        prometheus.says(vector(({}, "3")))
        assert await it.failure(M) == "unavailable"
        it.clock.ahead += PROBE_EVERY
        assert await it.value(M) == 3000
        assert await it.value(M) == 3000
        assert it.shown("upstream_breaker_open") == 0


@pytest.mark.parametrize("status", [400, 422])
async def test_rejected_queries_open_no_circuit(status):
    async with fake_prometheus() as prometheus, asking(prometheus) as it:
        prometheus.says(b'{"status":"error","errorType":"bad_data","error":"no"}', status)
        for _ in range(3 * FAILURES):
            assert await it.failure(M) == "query rejected"
        assert len(prometheus.queries) == 3 * FAILURES


async def test_an_outage_of_one_upstream_is_not_one_of_the_others():
    async with fake_prometheus() as one, fake_prometheus() as other, asking(one) as it:
        it.upstreams.adopt({"other": Upstream(other.url, max_concurrent=1)}, "rules.yaml")
        other.stalls()
        hung = asyncio.create_task(it.failure(Question("m", "other"), 2.0))
        await until(lambda: other.queries)
        assert await it.value(M) == 1000
        assert await hung == "timeout"
        assert it.shown("upstream_errors_total", upstream="other", **{"class": "timeout"}) == 1
        assert it.shown("upstream_errors_total", **{"class": "timeout"}) == 0


async def test_an_upstream_that_goes_finishes_what_it_was_asked():
    async with fake_prometheus() as one, fake_prometheus() as other, asking(one) as it:
        question = Question("m", "other")
        it.upstreams.adopt({"other": Upstream(other.url)}, "rules.yaml")
        released = other.holds(vector(({}, "7")))
        running = asyncio.create_task(it.value(question))
        await until(lambda: other.queries)
        it.upstreams.adopt({"other": Upstream(one.url)}, "rules.yaml")
        assert await it.value(question) == 1000
        it.upstreams.adopt({}, "rules.yaml")
        assert await it.failure(question) == "unavailable"
        released.set()
        assert await running == 7000
        assert (
            it.metrics.registry.get_sample_value("wpa_adapter_upstream_up", {"upstream": "other"})
            is None
        )


async def test_an_upstream_that_stays_as_it_is_keeps_its_connections_and_its_circuit():
    async with fake_prometheus() as one, fake_prometheus() as other, asking(one) as it:
        it.upstreams.adopt({"other": Upstream(other.url)}, "rules.yaml")
        other.says(b"", 500)
        for _ in range(FAILURES):
            await it.failure(Question("m", "other"))
        it.upstreams.adopt({"other": Upstream(other.url), "third": Upstream(one.url)}, "rules.yaml")
        await it.failure(Question("m", "other"))
        assert len(other.queries) == FAILURES
        assert it.upstreams.admission("other") == "refuse"
        assert it.upstreams.admission("third") == "pass"
        assert it.upstreams.admission("nobody") == "refuse"


async def test_an_upstream_that_cannot_be_used_changes_nothing(tmp_path):
    async with fake_prometheus() as one, asking(one) as it:
        it.upstreams.adopt({"other": Upstream(one.url)}, "rules.yaml")
        broken = Upstream("https://x", ca_file=str(tmp_path / "no.crt"))
        with pytest.raises(ConfigurationError) as caught:
            it.upstreams.adopt({"a": Upstream(one.url), "z": broken}, "rules.yaml")
        assert "rules.yaml: upstreams.z.caFile: " in str(caught.value)
        assert "no.crt does not exist" in str(caught.value)
        assert await it.value(Question("m", "other")) == 1000
        assert await it.failure(Question("m", "a")) == "unavailable"
        in_flight = "wpa_adapter_upstream_in_flight"
        names = {
            sample.labels["upstream"]
            for family in it.metrics.registry.collect()
            for sample in family.samples
            if sample.name == in_flight
        }
        assert names == {"default", "other"}


async def test_real_sample_times_are_asked_for_at_the_same_instant():
    async with fake_prometheus() as prometheus, asking(prometheus) as it:
        times = vector(({"queue": "a"}, "1699999990.25"))
        values = vector(({"__name__": "m", "queue": "a"}, "5"), ({"queue": "b"}, "6"))

        async def behave(request, query):
            return web.Response(body=times if query.startswith("timestamp") else values)

        prometheus.behave = behave
        found = await it.upstreams.query(Question("m", times="timestamp(m)"), 5.0)
        assert [(one.at, one.milli) for one in found.samples] == [(1699999990250, 5000)]
        assert [one.why for one in found.left_out] == ["undated"]
        assert sorted(prometheus.queries) == ["m", "timestamp(m)"]
        assert len({form["time"] for _, form, _ in prometheus.requests}) == 1


async def test_without_its_times_an_answer_is_none():
    async with fake_prometheus() as prometheus, asking(prometheus) as it:

        async def behave(_request, query):
            if query.startswith("timestamp"):
                return web.Response(status=503)
            await asyncio.sleep(3600)
            return web.Response(body=vector(({}, "1")))

        prometheus.behave = behave
        assert await it.failure(Question("m", times="timestamp(m)"), 5.0) == "unavailable"
        # The other half is not left running.
        await until(lambda: prometheus.cancelled == 1)


async def test_an_answer_with_too_many_series_is_not_read_to_its_end():
    async with fake_prometheus() as prometheus, asking(prometheus) as it:
        body = vector(*(({"n": str(n)}, "1") for n in range(3000)))
        prometheus.sends(b"HTTP/1.1 200 OK\r\n\r\n", body, 20.0)
        assert await it.failure(Question("m", max_series=1000), 5.0) == "too large"
        prometheus.says(body)
        assert len((await it.upstreams.query(Question("m", max_series=3000), 5.0)).samples) == 3000


RULES = """
upstreams:
  other: {{url: "{url}", params: {{dedup: "true"}}, headers: {{X-Scope-OrgID: all}}}}
externalRules:
- {{seriesQuery: queue_depth, metricsQuery: 'sum(<<.Series>>)'}}
- {{seriesQuery: elsewhere, metricsQuery: 'sum(<<.Series>>)', upstream: other,
   headers: {{X-Scope-OrgID: "team-<<.Namespace>>"}}}}
"""


async def test_rules_name_the_upstream_that_is_asked(tmp_path):
    async with (
        fake_prometheus() as other,
        fake_prometheus() as third,
        adapter(tmp_path, rules=RULES.format(url=other.url)) as it,
    ):
        other.says(vector(({}, "2")))
        third.says(vector(({}, "3")))
        elsewhere = f"{ROOT}/namespaces/blue/elsewhere"
        (item,) = (await it.ask(elsewhere, user="root")).json["items"]
        assert item["value"] == "2"
        (item,) = (await it.ask(METRIC, user="root")).json["items"]
        assert (item["value"], len(it.prometheus.queries)) == ("1", 1)
        ((_, form, headers),) = other.requests
        assert form["dedup"] == "true"
        assert headers["X-Scope-OrgID"] == "team-blue"

        (tmp_path / "rules.yaml").write_text(RULES.format(url="https://[bad"))
        it.server.reload.set()
        await until(lambda: not it.server.reload.is_set())
        (tmp_path / "rules.yaml").write_text(RULES.format(url=third.url))
        it.server.reload.set()

        async def moved():
            it.clock.ahead += 40
            (item,) = (await it.ask(elsewhere, user="root")).json["items"]
            return item["value"] == "3"

        await until(moved)
