"""PromQL, the part of it that the demo uses, evaluated at one instant.

Supported: number literals, instant selectors with matchers, `rate` and `deriv` over a range
selector, `clamp_min`, `clamp_max`, `sum`, `min`, `max`, `avg` and `count` with `by`/`without`,
`+ - * /`, comparisons with and without `bool`, `and`/`or`/`unless`, one-to-one matching with
`on`/`ignoring`, unary minus, parentheses.
Everything else that PromQL knows raises `Unsupported`: no answer is better than a wrong one.
The rules are those of Prometheus 2; the tests compare with the real binary.
"""

from datetime import timedelta

import promql_parser as promql

from kube.vocab.times import Millis
from sandbox.prometheus.functions import CLAMPS, OVER_RANGE, RangeFunction
from sandbox.prometheus.matchers import selector_matches
from sandbox.prometheus.operators import (
    AGGREGATIONS,
    ARITHMETIC,
    COMPARISON,
    SETS,
    Grouping,
    aggregate,
    combine,
    combine_sets,
)
from sandbox.prometheus.samples import Samples
from sandbox.prometheus.values import Element, EvaluationError, Unsupported, Value, Vector, distinct


class ParseError(Exception):
    """Not PromQL; becomes an error of type "bad_data"."""


def parse(expression: str) -> promql.Expr:
    """The syntax tree. Raises ParseError."""
    try:
        return promql.parse(expression)
    except ValueError as error:
        raise ParseError(f'invalid parameter "query": {error}') from error


def evaluate(tree: promql.Expr, samples: Samples, time: Millis) -> Value:
    """The value of an expression at `time`. Raises EvaluationError, Unsupported."""
    return _Evaluation(samples, time).value(tree)


class _Evaluation:
    """One expression at one instant."""

    def __init__(self, samples: Samples, time: Millis) -> None:
        self._samples = samples
        self._time = time

    def value(self, node: promql.Expr) -> Value:
        match node:
            case promql.NumberLiteral():
                return float(node.val)
            case promql.ParenExpr():
                return self.value(node.expr)
            case promql.UnaryExpr():
                return combine("*", -1.0, self.value(node.expr), Grouping(), as_bool=False)
            case promql.BinaryExpr():
                return self._binary(node)
            case _:
                return self._series(node)

    def _series(self, node: promql.Expr) -> Vector:
        match node:
            case promql.VectorSelector():
                return self._select(node)
            case promql.AggregateExpr():
                return self._aggregate(node)
            case promql.Call():
                return self._call(node)
            case _:
                raise Unsupported(f"{type(node).__name__} `{node.prettify()}`")

    def _vector(self, node: promql.Expr) -> Vector:
        value = self.value(node)
        if isinstance(value, float):
            raise EvaluationError(f"expected an instant vector, got the scalar `{node}`")
        return value

    def _select(self, node: promql.VectorSelector) -> Vector:
        _plain(node)
        matches = selector_matches(node)
        found: Vector = []
        for series in self._samples:
            if matches(series.pairs) and (value := series.at(self._time)) is not None:
                found.append(Element(series.pairs, value))
        return found

    def _aggregate(self, node: promql.AggregateExpr) -> Vector:
        op = str(node.op)
        if op not in AGGREGATIONS or node.param is not None:
            raise Unsupported(f"the aggregation `{op}`")
        grouping = Grouping((), include=True)
        if node.modifier is not None:
            by = node.modifier.type == promql.AggModifierType.By
            grouping = Grouping(tuple(node.modifier.labels), include=by)
        return aggregate(op, grouping, self._vector(node.expr))

    def _call(self, node: promql.Call) -> Vector:
        name = node.func.name
        if name in OVER_RANGE and isinstance(node.args[0], promql.MatrixSelector):
            return self._over_range(OVER_RANGE[name], node.args[0])
        if name in CLAMPS:
            vector, bound = self._vector(node.args[0]), self.value(node.args[1])
            if isinstance(bound, float):
                clamp = CLAMPS[name]
                return distinct([e.without_name(clamp(e.value, bound)) for e in vector])
        raise Unsupported(f"the function `{name}`")

    def _over_range(self, function: RangeFunction, node: promql.MatrixSelector) -> Vector:
        _plain(node.vector_selector)
        matches = selector_matches(node.vector_selector)
        start = self._time - node.range // timedelta(milliseconds=1)
        found: Vector = []
        for series in self._samples:
            if not matches(series.pairs):
                continue
            value = function(series.between(start, self._time), start, self._time)
            if value is not None:
                found.append(Element(series.pairs, 0.0).without_name(value))
        return distinct(found)

    def _binary(self, node: promql.BinaryExpr) -> Value:
        op = str(node.op)
        grouping, as_bool = _matching(node)
        if op in SETS:
            return combine_sets(op, self._vector(node.lhs), self._vector(node.rhs), grouping)
        if op not in ARITHMETIC and op not in COMPARISON:
            raise Unsupported(f"the operator `{op}`")
        left, right = self.value(node.lhs), self.value(node.rhs)
        return combine(op, left, right, grouping, as_bool=as_bool)


def _plain(node: promql.VectorSelector) -> None:
    if node.offset is not None:
        raise Unsupported("`offset`")
    if node.at is not None:
        raise Unsupported("the modifier `@`")


def _matching(node: promql.BinaryExpr) -> tuple[Grouping, bool]:
    modifier = node.modifier
    if modifier is None:
        return Grouping(), False
    one_sided = (promql.VectorMatchCardinality.ManyToOne, promql.VectorMatchCardinality.OneToMany)
    if modifier.card in one_sided:
        raise Unsupported("`group_left` and `group_right`")
    fill = modifier.fill_values
    if fill.lhs is not None or fill.rhs is not None:
        raise Unsupported("filling of missing matches")
    if modifier.matching is None:
        return Grouping(), modifier.return_bool
    include = modifier.matching.type == promql.LabelModifierType.Include
    return Grouping(tuple(modifier.matching.labels), include=include), modifier.return_bool


def check_supported(tree: promql.Expr) -> None:
    """Raise Unsupported, without any samples at hand, where `evaluate` would."""
    evaluate(tree, Samples(), 0)
