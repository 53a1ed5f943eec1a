"""Values in virtual time, over a Prometheus that is played by a script."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import looptime

from adapter.core.configuration import read_configuration
from adapter.core.question import Question
from adapter.core.results import Answer, Failure, Sample, UpstreamError
from adapter.core.rules import Rule
from adapter.metrics import AdapterMetrics
from adapter.readings import Reading
from adapter.refresher import Refresher
from adapter.upstreams import Upstreams
from adapter.values import Values
from kube.vocab.quantity import parse_milli
from kube.vocab.selectors import Selector

EPOCH = 1_700_000_000_000
TTL = 5.0

Item = dict[str, Any]
TIMEOUT = 10.0


class LoopClock:
    """The time of the running loop, which tests make virtual."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> int:
        return EPOCH + round(self.monotonic() * 1000)


class Played:
    """Answers with the second of its evaluation as the value, after `latency` seconds, or fails."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self.latency = 0.0
        self.failure: Failure | None = None
        self.answer: Answer | None = None
        self.asked: list[tuple[float, str]] = []
        self.cancelled = 0

    async def query(self, question: Question, budget: float) -> Answer:
        now = self._clock.monotonic()
        self.asked.append((now, question.promql))
        latency, failure, answer = self.latency, self.failure, self.answer
        try:
            await asyncio.sleep(min(latency, budget))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if latency > budget:
            raise UpstreamError("timeout", "too slow")
        if failure is not None:
            raise UpstreamError(failure, "as told")
        return answer or Answer((Sample({}, self._clock.now(), round(now * 1000)),))


def rule_of(options: str = "", name: str = "m") -> Rule:
    """A rule with `options`, YAML in flow style such as `staleFor: 0s`."""
    found = read_configuration(
        f"externalRules: [{{seriesQuery: {name}, metricsQuery: '{name}', {options}}}]", "rules"
    )
    return found.rules[name]


def items_of(reading: Reading) -> list[Item]:
    """The items of the list that callers get."""
    found: list[Item] = json.loads(reading.body("m"))["items"]
    return found


class World:
    """Values, what they ask, and what is told of them."""

    def __init__(self, upstream: Upstreams | None = None, **times: float) -> None:
        """`times` are those of `Values` that differ from its own."""
        self.clock = LoopClock()
        self.prometheus = Played(self.clock)
        self.metrics = AdapterMetrics("test")
        self.values = Values(
            upstream or self.prometheus,
            self.clock,
            self.metrics,
            ttl=TTL,
            query_timeout=TIMEOUT,
            **times,
        )

    async def read(self, rule: Rule, budget: float = TIMEOUT) -> Reading:
        question = rule.question(Selector(), "default")
        return await self.values.read(rule, rule.name, question, budget)

    async def items(self, rule: Rule, budget: float = TIMEOUT) -> list[Item]:
        """What is handed out now."""
        return items_of(await self.read(rule, budget))

    async def second(self, rule: Rule, budget: float = TIMEOUT) -> float:
        """The second at which Prometheus evaluated what is handed out now."""
        (item,) = await self.items(rule, budget)
        return parse_milli(item["value"]) / 1000

    async def failure(self, rule: Rule, budget: float = TIMEOUT) -> str:
        """The class of the failure that a read ends in."""
        try:
            reading = await self.read(rule, budget)
        except UpstreamError as error:
            return error.kind
        raise AssertionError(f"there is a value: {reading.body(rule.name)!r}")

    def reads(self, source: str) -> float:
        found = self.metrics.registry.get_sample_value(
            "wpa_adapter_value_reads_total", {"source": source}
        )
        return found or 0.0

    def refreshing(self) -> asyncio.Task[None]:
        """Background refreshes, as long as the task runs."""
        refresher = Refresher(self.values, lambda _name: "pass", self.clock)
        return asyncio.create_task(refresher.run())


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` on a loop whose time passes while everybody sleeps."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(work)
