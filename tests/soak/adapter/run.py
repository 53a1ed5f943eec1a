"""The soak itself: autoscalers, weather, and a watch on both."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from kube.vocab.quantity import parse_milli
from kube.vocab.times import SECOND, LoopClock, SystemClock
from tests.integration.adapter.kit.server import ROOT, Answer
from tests.integration.adapter.kit.wire import Connection, Line
from tests.soak.adapter.ledger import Ledger
from tests.soak.adapter.truth import Truth, Weather

_RULES = """
externalRules:
- seriesQuery: queue_depth
  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by (queue)'
  cacheTTL: {ttl}s
  staleFor: {stale_for}s
  timeout: {timeout}s
"""
_FAILURES = {503: "ServiceUnavailable", 504: "Timeout", 500: "InternalError"}


class Plan(Struct, frozen=True):
    """How the soak goes. Times are seconds."""

    weather: tuple[tuple[float, float], ...]
    """Spells, in turn and from the start again: how long, and the part of queries that fail."""
    autoscalers: int = 200
    period: float = 15.0
    ttl: float = 5.0
    stale_for: float = 30.0
    timeout: float = 5.0
    slack: float = 2.0
    """How late a busy machine may be."""

    @property
    def oldest(self) -> float:
        """No value may be older: what may stand in, and the query during which it ages."""
        return max(self.ttl, self.stale_for) + self.timeout + self.slack


class Soak:
    """One run."""

    def __init__(self, plan: Plan, line: Line, seed: int) -> None:
        self._plan = plan
        self._line = line
        self._random = Random(seed)
        self._truth = Truth()
        self._weather = Weather(line.harness.prometheus, self._truth, Random(seed + 1))
        self.ledger = Ledger()

    async def run(self, seconds: float) -> None:
        """Let it run; what goes wrong is in the ledger."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(
            lambda _, context: self.ledger.problem(f"unhandled: {context.get('exception')!r}")
        )
        endless = [self._changes(), self._watch()]
        for _ in range(self._plan.autoscalers):
            series = self._random.randrange(len(self._truth.labels))
            endless.append(self._autoscaler(series, Random(self._random.random())))
        tasks = [asyncio.create_task(self._endless(one)) for one in endless]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        loop.set_exception_handler(None)

    async def _endless(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # for the ledger
            self.ledger.problem(f"{type(error).__name__}: {error}")

    async def _changes(self) -> None:
        while True:
            for spell, failing in self._plan.weather:
                self._weather.failing = failing
                await asyncio.sleep(spell)

    async def _watch(self) -> None:
        while True:
            self.ledger.look()
            prometheus = self._line.harness.prometheus
            self.ledger.outcomes["queries of Prometheus"] += len(prometheus.queries)
            for forgotten in (prometheus.queries, prometheus.requests):
                forgotten.clear()
            self._line.harness.cluster.access_reviews.clear()
            await asyncio.sleep(min(1.0, self._plan.period))

    async def _autoscaler(self, series: int, random: Random) -> None:
        labels = self._truth.labels[series]
        selector = quote(f"queue={labels['queue']}", safe="")
        path = f"{ROOT}/namespaces/{labels['namespace']}/queue_depth?labelSelector={selector}"
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Remote-User: hpa\r\n\r\n".encode()
        connection: Connection | None = None
        await asyncio.sleep(random.random() * self._plan.period)
        while True:
            if connection is None:
                connection = await self._line.connect(self._line.harness.proxy)
            try:
                self._judge(await connection.ask(head), series)
            except (EOFError, ConnectionError):
                self.ledger.problem("the connection was closed without an answer")
                connection = None
            await asyncio.sleep(self._plan.period * random.uniform(0.9, 1.1))

    def _judge(self, answer: Answer, series: int) -> None:
        if answer.status == 200:
            (item,) = answer.json["items"] or ({"value": "0"},)
            said = self._truth.stamped(parse_milli(item["value"]) // 1000)
            age = asyncio.get_running_loop().time() - said.at
            if said.series != series or not answer.json["items"]:
                self.ledger.problem(f"a wrong value for series {series}: {answer.body[:300]!r}")
            elif age > self._plan.oldest:
                self.ledger.problem(f"a value of {age:.1f} s, {self._plan.oldest:.1f} allowed")
            self.ledger.value(age)
            return
        status = answer.json
        if _FAILURES.get(answer.status) != status["reason"] or status["code"] != answer.status:
            self.ledger.problem(f"no failure of Prometheus: {answer.body[:300]!r}")
        self.ledger.outcomes[f"{answer.status} {status['reason']}"] += 1


OpenLine = Callable[..., AbstractAsyncContextManager[Line]]


async def soak(plan: Plan, seconds: float, seed: int, line: OpenLine) -> Ledger:
    """Run `plan` for `seconds` over `line`."""
    rules = _RULES.format(ttl=plan.ttl, stale_for=plan.stale_for, timeout=plan.timeout)
    # Time is the loop's own, which may be virtual.
    epoch = SystemClock().now() - round(asyncio.get_running_loop().time() * SECOND)
    with tempfile.TemporaryDirectory() as folder:
        async with line(
            Path(folder), rules=rules, clock=LoopClock(epoch), refresh_for=60.0
        ) as connections:
            run = Soak(plan, connections, seed)
            with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
                await run.run(seconds)
            return run.ledger
