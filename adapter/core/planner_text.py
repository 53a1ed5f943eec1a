"""The PromQL text of what is the same for all label values. Raises NoProofError for the unusual."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

import promql_parser as ast

from adapter.core.planner_shape import Alone, Reason
from adapter.core.promql import is_label_name
from adapter.core.template_functions import quoted

_MATCHES: Final = (
    (ast.MatchOp.Equal, "="),
    (ast.MatchOp.NotEqual, "!="),
    (ast.MatchOp.Re, "=~"),
    (ast.MatchOp.NotRe, "!~"),
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SIDES: Final = (
    (ast.VectorMatchCardinality.ManyToOne, "group_left"),
    (ast.VectorMatchCardinality.OneToMany, "group_right"),
)


class NoProofError(Exception):
    """The query cannot be shown to be one that is asked together."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.alone = Alone(reason, detail)


def matcher(given: Any) -> str:
    """A label matcher."""
    sign = next(sign for match, sign in _MATCHES if match == given.op)
    return f"{label(given.name)}{sign}{quoted(given.value)}"


def grouping(modifier: Any, ours: frozenset[str]) -> str:
    """`group_left` or `group_right` of a binary operator, which may not copy `ours`."""
    fill = modifier.fill_values
    if fill is not None and (fill.lhs is not None or fill.rhs is not None):
        raise NoProofError("operator", "it fills in values for series that do not match")
    side = next((text for card, text in _SIDES if card == modifier.card), "")
    copied = modifier.group_labels or []
    if ours & frozenset(copied):
        raise NoProofError("operator", f"{side} copies a label whose value varies")
    return f" {side} ({names(copied)})" if side else ""


def label(name: str) -> str:
    """A label name."""
    if not is_label_name(name):
        raise NoProofError("selector", f'"{name}" is not a plain label name')
    return name


def names(labels: Iterable[str]) -> str:
    """A list of label names."""
    return ", ".join(map(label, labels))


def number(value: float) -> str:
    """A finite number, exactly."""
    if not isfinite(value):
        raise NoProofError("number", f"it has the number {value}")
    return repr(value)


def duration(length: timedelta) -> str:
    """A duration, exactly."""
    return f"{length // _MILLISECOND}ms"


def moved(selector: Any) -> str:
    """The modifiers `@` and `offset`, which are the same for all values."""
    text = ""
    if selector.at is not None:
        if selector.at.type == ast.AtModifierType.At:
            text += f" @ {(selector.at.at - _EPOCH) // _MILLISECOND / 1000!r}"
        else:
            start = selector.at.type == ast.AtModifierType.Start
            text += " @ start()" if start else " @ end()"
    if selector.offset:
        text += f" offset {duration(selector.offset)}"
    return text
