"""The one kind of query that the rules of the soaks make: a sum over a selection of series."""

import re
from collections.abc import Iterator, Mapping, Sequence

import promql_parser

Labels = Mapping[str, str]


def summed(
    query: str, labels: Sequence[Labels], values: Mapping[int, float]
) -> Iterator[tuple[dict[str, str], str]]:
    """The series of `sum(…) by (…)`. Series are known by their number; without a value there is
    no sample.
    """
    expression = promql_parser.parse(query)
    assert isinstance(expression, promql_parser.AggregateExpr), query
    assert isinstance(expression.expr, promql_parser.VectorSelector), query
    grouping = re.findall(r"\w+", str(expression.modifier))[1:]
    matchers = expression.expr.matchers.matchers
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for number, own in enumerate(labels):
        if number in values and all(_matches(one, own.get(one.name, "")) for one in matchers):
            shown = tuple((name, own.get(name, "")) for name in grouping)
            sums[shown] = sums.get(shown, 0) + values[number]
    for shown, value in sums.items():
        yield dict(shown), str(value)


def _matches(matcher: promql_parser.Matcher, value: str) -> bool:
    match str(matcher.op):
        case "MatchOp.Equal":
            return bool(value == matcher.value)
        case "MatchOp.NotEqual":
            return bool(value != matcher.value)
        case "MatchOp.Re":
            return re.fullmatch(matcher.value, value) is not None
        case other:
            raise AssertionError(other)
