"""Who is asked together with whom and when, and what happens when that goes wrong."""

import asyncio
from typing import Any

import pytest
from msgspec import structs

from adapter.core.configuration import read_configuration
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.metrics import AdapterMetrics
from adapter.planner import Planner
from kube.vocab.selectors import parse_selector
from tests.unit.adapter.evaluated import AT, Evaluated, labels
from tests.unit.adapter.virtual import LoopClock

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SUM = "sum(m{<<.LabelMatchers>>})"
NAMES = [f"q{number:03d}" for number in range(300)]


class World:
    """A planner over a Prometheus in memory with one series per queue, worth its number."""

    def __init__(self, query: str = SUM, options: str = "", **pairs: str) -> None:
        (self.rule,) = read_configuration(
            f"externalRules: [{{seriesQuery: m, metricsQuery: '{query}', {options}}}]", "rules"
        ).rules.values()
        self.prometheus = Evaluated(
            {
                labels(queue=name, namespace="blue", pod="p", **pairs): number * 1000
                for number, name in enumerate(NAMES)
            }
        )
        self.metrics = AdapterMetrics("test")
        self.planner = Planner(self.prometheus, LoopClock(), self.metrics, max_series=10)

    def question(self, queue: str, namespace: str = "blue") -> Question:
        return self.rule.question(parse_selector(f"queue={queue}"), namespace)

    async def ask(self, queue: str, budget: float = 10.0, **changes: Any) -> Answer:
        asked = structs.replace(self.question(queue), **changes)
        return await self.planner.query(asked, budget)

    async def values(self, queues: list[str], budget: float = 10.0) -> list[list[int]]:
        """Asks for all at once: what each gets."""
        answers = await asyncio.gather(*(self.ask(queue, budget) for queue in queues))
        return [[sample.milli for sample in answer.samples] for answer in answers]

    async def failures(self, queues: list[str], budget: float = 10.0) -> list[str]:
        """How asking for all at once fails for each."""
        found = await asyncio.gather(
            *(self.ask(queue, budget) for queue in queues), return_exceptions=True
        )
        return [one.kind if isinstance(one, UpstreamError) else str(one) for one in found]

    @property
    def asked(self) -> list[str]:
        return [question.promql for question in self.prometheus.asked]

    def told(self, name: str, **names: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"wpa_adapter_planned_{name}", names)


async def test_what_comes_at_once_is_asked_at_once():
    it = World()
    assert await it.values(["q001", "q002", "none"]) == [[1000], [2000], []]
    assert it.asked == ['sum by (namespace, queue) (m{queue=~"none|q001|q002",namespace=~"blue"})']
    assert it.told("queries_total", kind="merged") == 1.0
    assert it.told("questions_per_query_sum") == 3.0


async def test_labels_are_those_of_asking_alone():
    it = World("sum(m{<<.LabelMatchers>>}) by (queue)")
    one, two = await asyncio.gather(it.ask("q001"), it.ask("q002"))
    assert [one.samples[0].labels, two.samples[0].labels] == [{"queue": "q001"}, {"queue": "q002"}]


async def test_a_lone_question_is_asked_as_written_and_soon(looptime):
    it = World()
    assert await it.values(["q001"]) == [[1000]]
    assert it.asked == ['sum(m{queue="q001",namespace="blue"})']
    assert looptime <= 0.01
    assert it.told("queries_total", kind="single") == 1.0


async def test_the_same_question_twice_is_one_question():
    it = World()
    assert await it.values(["q001", "q001"]) == [[1000], [1000]]
    assert it.asked == ['sum(m{queue="q001",namespace="blue"})']


async def test_namespaces_are_asked_together_and_nobody_gets_what_belongs_to_others():
    it = World()
    it.prometheus.series |= {
        labels(queue="q001", namespace="green", pod="p"): 7,
        labels(queue="q002", namespace="green", pod="p"): 8,
    }
    one, two = await asyncio.gather(
        it.planner.query(it.question("q001", "green"), 10.0),
        it.planner.query(it.question("q002", "blue"), 10.0),
    )
    assert len(it.asked) == 1
    assert [answer.samples[0].milli for answer in (one, two)] == [7, 2000]


async def test_who_comes_while_a_query_runs_goes_with_the_next(looptime):
    it = World()
    it.prometheus.latency = 0.05
    first = asyncio.create_task(it.ask("q001"))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(it.ask(name)) for name in ("q002", "q003")]
    await asyncio.sleep(0.01)
    later.append(asyncio.create_task(it.ask("q004")))
    await asyncio.gather(first, *later)
    assert len(it.asked) == 2
    assert 'queue=~"q002|q003|q004"' in it.asked[1]
    assert looptime < 0.12


async def test_nobody_waits_long_for_a_query_that_hangs():
    it = World()
    it.prometheus.latency = 9.0
    hanging = asyncio.create_task(it.ask("q001"))
    await asyncio.sleep(0.01)
    it.prometheus.latency = 0.0
    async with asyncio.timeout(0.2):
        assert await it.values(["q002", "q003"]) == [[2000], [3000]]
    await hanging


async def test_other_upstreams_and_headers_are_other_queries():
    it = World()
    await asyncio.gather(
        it.ask("q001"),
        it.ask("q002", upstream="other"),
        it.ask("q003", headers=(("X-Scope-OrgID", "a"),)),
    )
    assert len(it.asked) == 3
    assert all("=~" not in promql for promql in it.asked)


async def test_what_cannot_be_shown_to_be_the_same_is_asked_alone():
    it = World("topk(1, m{<<.LabelMatchers>>})")
    await it.failures(["q001", "q002"])
    assert it.asked == [
        'topk(1, m{queue="q001",namespace="blue"})',
        'topk(1, m{queue="q002",namespace="blue"})',
    ]
    assert it.told("alone_total", reason="aggregation") == 2.0


@pytest.mark.parametrize("failure", ["query rejected", "too large", "bad response"])
async def test_a_refused_query_is_asked_apart_for_a_minute(failure):
    it = World()
    it.prometheus.failure = failure
    assert await it.values(["q001", "q002", "q003"]) == [[1000], [2000], [3000]]
    assert len(it.asked) == 4
    assert it.told("queries_total", kind="apart") == 3.0
    await it.values(["q001", "q002"])
    assert len(it.asked) == 6
    assert it.told("queries_total", kind="merged") == 1.0
    await asyncio.sleep(61)
    it.prometheus.failure = None
    await it.values(["q001", "q002"])
    assert len(it.asked) == 7


async def test_those_apart_do_not_come_all_at_once():
    it = World()
    it.prometheus.failure, it.prometheus.latency = "query rejected", 0.1
    asking = asyncio.create_task(it.values(NAMES[:100]))
    await asyncio.sleep(0.15)
    assert len(it.asked) <= 1 + 8
    assert await asking == [[number * 1000] for number in range(100)]


async def test_an_outage_fails_each_and_is_asked_once():
    it = World()
    it.prometheus.failure = "unavailable"
    assert await it.failures(["q001", "q002"]) == ["unavailable"] * 2
    assert len(it.asked) == 1


async def test_a_defect_is_told_and_nobody_waits_for_it(looptime):
    it = World()
    it.prometheus.failure = RuntimeError("a defect")
    assert await it.failures(["q001", "q002"]) != ["timeout", "timeout"]
    assert looptime < 1


async def test_after_a_timeout_fewer_are_asked_together_and_slowly_more_again():
    it = World()
    it.prometheus.latency = 20.0
    assert await it.failures(NAMES, budget=1.0) == ["timeout"] * 300
    assert len(it.asked) == 1
    it.prometheus.latency = 0.0
    assert await it.values(NAMES) == [[number * 1000] for number in range(300)]
    assert len(it.asked) == 1 + 4
    for _ in range(30):
        await it.values(NAMES)
    before = len(it.asked)
    await it.values(NAMES)
    assert len(it.asked) == before + 1


async def test_the_impatient_leave_alone():
    it = World()
    it.prometheus.latency = 2.0
    impatient = asyncio.create_task(it.failures(["q001"], budget=1.0))
    patient = asyncio.create_task(it.values(["q002", "q003"]))
    assert await impatient == ["timeout"]
    assert await patient == [[2000], [3000]]
    assert it.prometheus.cancelled == 0
    # It runs for the one who waits longest.
    assert it.prometheus.budgets == [pytest.approx(10.0, abs=0.01)]


async def test_a_query_that_nobody_waits_for_is_cancelled():
    it = World()
    it.prometheus.latency = 5.0
    asking = [asyncio.create_task(it.ask(name)) for name in ("q001", "q002")]
    await asyncio.sleep(1)
    asking[0].cancel()
    await asyncio.sleep(1)
    assert it.prometheus.cancelled == 0
    asking[1].cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await asyncio.sleep(0)
    assert it.prometheus.cancelled == 1
    it.prometheus.latency = 0.0
    assert await it.values(["q001", "q002"]) == [[1000], [2000]]


async def test_those_who_leave_before_it_goes_are_not_asked_for():
    it = World()
    asking = [asyncio.create_task(it.ask(name)) for name in ("q001", "q002", "q003")]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert it.asked == ['sum by (namespace, queue) (m{queue=~"q002|q003",namespace=~"blue"})']


async def test_each_question_has_its_own_limit_of_series():
    it = World("m{<<.LabelMatchers>>}")
    for pod in range(11):
        it.prometheus.series[labels(queue="many", namespace="blue", pod=str(pod))] = 1
    found = await asyncio.gather(it.ask("many"), it.ask("q001"), return_exceptions=True)
    assert isinstance(found[0], UpstreamError)
    assert found[0].kind == "too large"
    assert isinstance(found[1], Answer)
    assert len(it.asked) == 1


async def test_warnings_of_all_are_warnings_of_each():
    it = World()
    it.prometheus.warnings = 2
    answers = await asyncio.gather(it.ask("q001"), it.ask("none"))
    assert [answer.warnings for answer in answers] == [2, 2]


async def test_many_go_in_several_queries():
    it = World()
    names = [f"queue.with-a-long-name.{number:04d}" for number in range(1200)]
    it.prometheus.series = {
        labels(queue=name, namespace="blue"): number for number, name in enumerate(names)
    }
    assert await it.values(names) == [[number] for number in range(1200)]
    assert 3 <= len(it.asked) <= 4
    assert max(map(len, it.asked)) < 16_000


async def test_sample_times_are_asked_together_too():
    it = World(options="timestampQuery: 'max(timestamp(m{<<.LabelMatchers>>}))'")
    it.prometheus.scraped = {
        one: AT // 1000 - index for index, one in enumerate(it.prometheus.series)
    }
    one, two = await asyncio.gather(it.ask("q001"), it.ask("q007"))
    assert [one.samples[0].at, two.samples[0].at] == [AT - 1000, AT - 7000]
    assert len(it.asked) == 2


async def test_times_that_are_none_fail_only_whose_they_are():
    it = World(options="timestampQuery: 'sum(timestamp(m{<<.LabelMatchers>>}))'")
    it.prometheus.scraped = dict.fromkeys(it.prometheus.series, AT // 1000)
    it.prometheus.scraped[labels(queue="q001", namespace="blue", pod="p")] = -5
    found = await asyncio.gather(it.ask("q001"), it.ask("q002"), return_exceptions=True)
    assert isinstance(found[0], UpstreamError)
    assert isinstance(found[1], Answer)
    assert len(it.asked) == 2
