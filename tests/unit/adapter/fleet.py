"""Thousands of autoscalers in virtual time, over a Prometheus in memory that counts queries."""

import asyncio
import random

from adapter.core.configuration import read_configuration
from adapter.core.question import Question
from adapter.core.rules import Rule
from adapter.metrics import AdapterMetrics
from adapter.planner import Planner
from adapter.refresher import Refresher
from adapter.values import Values
from kube.vocab.quantity import parse_milli
from kube.vocab.selectors import parse_selector
from tests.unit.adapter.evaluated import Evaluated, labels
from tests.unit.adapter.virtual import TIMEOUT, TTL, LoopClock, items_of

CYCLE = 15.0
TEMPLATES = (
    "sum(m{{rule=\"{}\",<<.LabelMatchers>>}})",
    "max(m{{rule=\"{}\",<<.LabelMatchers>>}}) by (queue)",
    "m{{rule=\"{}\",<<.LabelMatchers>>}}",
)  # fmt: skip


class Fleet:
    """Autoscalers that each read one value, which is their number."""

    def __init__(self, sizes: list[int]) -> None:
        rules = "\n".join(
            f"- {{seriesQuery: m, name: {{as: r{index}}}, "
            f"metricsQuery: '{TEMPLATES[index % len(TEMPLATES)].format(index)}'}}"
            for index in range(len(sizes))
        )
        catalogue = read_configuration(f"externalRules:\n{rules}", "rules")
        self.prometheus = Evaluated({})
        self.prometheus.latency = 0.02
        self.members: list[tuple[Rule, Question]] = []
        for index, size in enumerate(sizes):
            for _ in range(size):
                number = len(self.members)
                queue, namespace = f"queue-{number}.x", f"team-{number % 50}"
                fixed = labels(rule=str(index), queue=queue, namespace=namespace)
                self.prometheus.series[fixed] = number * 1000
                rule = catalogue.rules[f"r{index}"]
                question = rule.question(parse_selector(f"queue={queue}"), namespace)
                self.members.append((rule, question))
        clock, metrics = LoopClock(), AdapterMetrics("test")
        planner = Planner(self.prometheus, clock, metrics, max_series=5000)
        self.values = Values(planner, clock, metrics, ttl=TTL, query_timeout=TIMEOUT)
        self.refresher = Refresher(self.values, lambda _name: "pass", clock)

    async def read(self, number: int) -> None:
        rule, question = self.members[number]
        reading = await self.values.read(rule, rule.name, question, TIMEOUT)
        (item,) = items_of(reading)
        assert parse_milli(item["value"]) == number * 1000

    async def cycle(self) -> int:
        """Each reads at a moment of its own; returns the number of queries meanwhile."""
        before = len(self.prometheus.asked)
        order = random.Random(1).sample(range(len(self.members)), len(self.members))
        async with asyncio.TaskGroup() as reading, asyncio.timeout(CYCLE * 2):
            for begin in range(0, len(order), 50):
                for number in order[begin : begin + 50]:
                    reading.create_task(self.read(number))
                await asyncio.sleep(CYCLE * 50 / len(order))
        return len(self.prometheus.asked) - before
