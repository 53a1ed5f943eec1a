"""Aggregations and binary operators on instant vectors, by PromQL's rules."""

import math
import operator
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from sandbox.prometheus.samples import Labels
from sandbox.prometheus.values import (
    NAME,
    Element,
    EvaluationError,
    Value,
    Vector,
    distinct,
    group_key,
)


class Grouping(Struct, frozen=True):
    """`by`/`on` (`include`) or `without`/`ignoring` these labels."""

    names: tuple[str, ...] = ()
    include: bool = False

    def key(self, labels: dict[str, str]) -> Labels:
        """The group that a series belongs to."""
        return group_key(labels, self.names, include=self.include)


def divide(left: float, right: float) -> float:
    """IEEE division: by zero it is infinite, or NaN for 0/0."""
    if right:
        return left / right
    if not left or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}
COMPARISON: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
SETS: Final = frozenset({"and", "or", "unless"})


def _extreme(better: Callable[[float, float], bool]) -> Callable[[list[float]], float]:
    """Minimum or maximum; NaN only where there is nothing else."""

    def pick(values: list[float]) -> float:
        best = values[0]
        for value in values[1:]:
            if better(value, best) or math.isnan(best):
                best = value
        return best

    return pick


AGGREGATIONS: Final[dict[str, Callable[[list[float]], float]]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "count": lambda values: float(len(values)),
    "min": _extreme(operator.lt),
    "max": _extreme(operator.gt),
}


def aggregate(op: str, grouping: Grouping, vector: Vector) -> Vector:
    """One element per group. `op` is a key of AGGREGATIONS."""
    groups: dict[Labels, list[float]] = {}
    for element in vector:
        groups.setdefault(grouping.key(element.labels), []).append(element.value)
    return [Element(dict(key), AGGREGATIONS[op](values)) for key, values in groups.items()]


def combine(op: str, left: Value, right: Value, grouping: Grouping, *, as_bool: bool) -> Value:
    """`left op right` for arithmetic and comparison. Raises EvaluationError."""
    if isinstance(left, float) and isinstance(right, float):
        return (
            ARITHMETIC[op](left, right) if op in ARITHMETIC else float(COMPARISON[op](left, right))
        )
    if isinstance(left, float):
        assert isinstance(right, list)
        return _with_scalar(op, right, lambda value: (left, value), as_bool=as_bool)
    if isinstance(right, float):
        return _with_scalar(op, left, lambda value: (value, right), as_bool=as_bool)
    return _one_to_one(op, left, right, grouping, as_bool=as_bool)


def _with_scalar(
    op: str,
    vector: Vector,
    operands: Callable[[float], tuple[float, float]],
    *,
    as_bool: bool,
) -> Vector:
    if op in ARITHMETIC:
        compute = ARITHMETIC[op]
        return distinct([e.without_name(compute(*operands(e.value))) for e in vector])
    compare = COMPARISON[op]
    if as_bool:
        return distinct([e.without_name(float(compare(*operands(e.value)))) for e in vector])
    return [e for e in vector if compare(*operands(e.value))]


def _one_to_one(
    op: str, left: Vector, right: Vector, grouping: Grouping, *, as_bool: bool
) -> Vector:
    if not left or not right:
        return []  # before looking for duplicates, as Prometheus does
    partners: dict[Labels, Element] = {}
    for element in right:
        if partners.setdefault(grouping.key(element.labels), element) is not element:
            raise EvaluationError(_many("right", element))
    seen: set[Labels] = set()
    result: Vector = []
    for element in left:
        key = grouping.key(element.labels)
        partner = partners.get(key)
        if partner is None:
            continue
        value = element.value
        keep = True
        if op in ARITHMETIC:
            value = ARITHMETIC[op](value, partner.value)
        else:
            keep = COMPARISON[op](value, partner.value)
            value = float(keep) if as_bool else value
        if not (keep or as_bool):
            continue
        if key in seen:
            raise EvaluationError(_many("left", element))
        seen.add(key)
        result.append(Element(_matched(op, element, key, grouping, as_bool=as_bool), value))
    return result


def _matched(
    op: str, element: Element, key: Labels, grouping: Grouping, *, as_bool: bool
) -> dict[str, str]:
    """Labels of a match: those matched on; a plain comparison without `on` keeps the name."""
    labels = dict(key)
    if op in COMPARISON and not as_bool and not grouping.include and NAME in element.labels:
        labels[NAME] = element.labels[NAME]
    return labels


def _many(side: str, element: Element) -> str:
    return (
        f"found duplicate series for the match group on the {side} hand-side of the operation "
        f"({dict(element.key)}); many-to-many matching not allowed: matching labels must be "
        "unique on one side"
    )


def combine_sets(op: str, left: Vector, right: Vector, grouping: Grouping) -> Vector:
    """`and`, `or`, `unless`."""

    def keys(vector: Iterable[Element]) -> set[Labels]:
        return {grouping.key(element.labels) for element in vector}

    if op == "or":
        known = keys(left)
        return distinct([*left, *(e for e in right if grouping.key(e.labels) not in known)])
    known = keys(right)
    return [e for e in left if (grouping.key(e.labels) in known) == (op == "and")]
