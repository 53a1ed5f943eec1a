"""A Prometheus in memory that understands `m{…}`, and `sum`, `max` and `timestamp` of it."""

import asyncio
import re
from typing import Any

import promql_parser as ast

from adapter.core.question import Question
from adapter.core.results import Answer, Failure, Sample, UpstreamError

AT = 1_700_000_000_000
Labels = frozenset[tuple[str, str]]


def labels(**pairs: str) -> Labels:
    """Labels of a series of `m`."""
    return frozenset(pairs.items())


class Evaluated:
    """`series` are the values in thousandths; what is asked is remembered."""

    def __init__(self, series: dict[Labels, int]) -> None:
        self.series = series
        self.scraped: dict[Labels, int] = {}
        """Sample times in epoch seconds, for `timestamp`."""
        self.asked: list[Question] = []
        self.budgets: list[float] = []
        self.latency = 0.0
        self.failure: Failure | Exception | None = None
        """What queries with patterns end in."""
        self.fails_all = False
        self.warnings = 0
        self.cancelled = 0
        self._having: dict[tuple[str, str], list[Labels]] = {}
        self._indexed = 0

    def having(self, name: str, value: str) -> list[Labels]:
        """Series with this label."""
        if self._indexed != len(self.series):
            self._having, self._indexed = {}, len(self.series)
            for one in self.series:
                for pair in one:
                    self._having.setdefault(pair, []).append(one)
        return self._having.get((name, value), [])

    async def query(self, question: Question, budget: float) -> Answer:
        self.asked.append(question)
        self.budgets.append(budget)
        try:
            await asyncio.sleep(min(self.latency, budget))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.latency > budget:
            raise UpstreamError("timeout", "too slow")
        if self.failure is not None and (self.fails_all or "=~" in question.promql):
            if isinstance(self.failure, Exception):
                raise self.failure
            raise UpstreamError(self.failure, "as told")
        found = evaluate(ast.parse(question.promql), self)
        if question.max_series is not None and len(found) > question.max_series:
            raise UpstreamError("too large", "as asked")
        return Answer(
            tuple(Sample(dict(one), AT, milli) for one, milli in found.items()),
            warnings=self.warnings,
        )


def evaluate(part: Any, data: Evaluated) -> dict[Labels, int]:
    """Values by labels."""
    match part:
        case ast.VectorSelector():
            equal = [m for m in part.matchers.matchers if m.op == ast.MatchOp.Equal and m.value]
            lists = [data.having(matcher.name, matcher.value) for matcher in equal]
            found = min(lists, key=len, default=list(data.series))
            return {one: data.series[one] for one in found if _selects(part, dict(one))}
        case ast.Call():
            assert part.func.name == "timestamp"
            return {one: data.scraped[one] * 1000 for one in evaluate(part.args[0], data)}
        case ast.AggregateExpr():
            names = set(part.modifier.labels) if part.modifier else set()
            groups: dict[Labels, list[int]] = {}
            for one, milli in evaluate(part.expr, data).items():
                group = frozenset(pair for pair in one if pair[0] in names)
                groups.setdefault(group, []).append(milli)
            if str(part.op) == "max":
                return {group: max(millis) for group, millis in groups.items()}
            assert str(part.op) == "sum"
            return {group: sum(millis) for group, millis in groups.items()}
        case _:
            raise AssertionError(f"{part} is not understood here")


def _selects(selector: Any, have: dict[str, str]) -> bool:
    for matcher in selector.matchers.matchers:
        value = have.get(matcher.name, "")
        if matcher.op == ast.MatchOp.Equal:
            matches = value == matcher.value
        else:
            assert matcher.op == ast.MatchOp.Re
            matches = re.fullmatch(matcher.value, value) is not None
        if not matches:
            return False
    return True
