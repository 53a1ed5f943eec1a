"""Proof that questions of one form can be asked together.

Each step shows for a part of the query, evaluated for all values at once (matchers widened to
patterns, `by` extended): every series bears the labels of the values, and those with one
question's values are that question's series, with the same values, in the same order, apart from
labels that are `hidden` from it. What has no such step is asked alone.

The order matters because floats are added up in the order of the series. Prometheus orders series
by identity, whatever a matcher selects, and groups by their first series.
"""

from functools import lru_cache
from typing import Any

import promql_parser as ast
from msgspec import Struct

from adapter.core import planner_text
from adapter.core.planner_forms import PLACEHOLDER
from adapter.core.planner_functions import (
    CONSTANT,
    OPERATORS,
    PER_GROUP,
    PER_RANGE,
    PER_SERIES,
    SET_OPERATORS,
)
from adapter.core.planner_shape import ALONE, Alone, Guard, Plan, Shape
from adapter.core.planner_text import NoProofError
from adapter.core.question import Question


class _Vector(Struct, frozen=True):
    """A part that yields series: its text for all values, and the labels hidden from questions."""

    text: str
    hidden: frozenset[str] = frozenset()


_Scalar = str
"""A part that yields one number, which depends on no series."""


@lru_cache(maxsize=1024)
def shape_of(form: str) -> Shape | Alone:
    """How questions of `form` are asked together, or why they are not."""
    if not form:
        return ALONE
    try:
        return _Proof(form).shape()
    except NoProofError as error:
        return error.alone


def plan_of(question: Question) -> Plan | Alone:
    """How `question` is asked together with others of its forms, or why it is not."""
    values = shape_of(question.form)
    if isinstance(values, Alone) or not question.times:
        return values if isinstance(values, Alone) else Plan(values)
    times = shape_of(question.times_form)
    return times if isinstance(times, Alone) else Plan(values, times)


def why_single(question: Question) -> str:
    """Why `question` is always asked alone, for the author of its rule; empty if it is not."""
    plan = plan_of(question)
    return plan.detail if isinstance(plan, Alone) else ""


class _Proof:
    """The proof for one form. Methods raise NoProofError."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._labels: dict[str, int] = {}
        """Placeholder by label: the same in every selector."""

    def shape(self) -> Shape:
        try:
            expression: Any = ast.parse(self._form)
        except ValueError as error:
            raise NoProofError("syntax", str(error)) from error
        left, guard, constant = _unguarded(expression)
        vector = self._part(left)
        if not isinstance(vector, _Vector):
            raise NoProofError("selector", "the query selects no series")
        text = vector.text
        if guard:
            text = f"{text} or vector({self._scalar(constant)})"
        numbers = sorted(set(map(int, PLACEHOLDER.findall(self._form))))
        if set(numbers) != set(self._labels.values()):
            raise NoProofError("selector", "a label value stands outside of label matchers")
        pieces = PLACEHOLDER.split(text)
        parts = [
            numbers.index(int(piece)) if index % 2 else piece for index, piece in enumerate(pieces)
        ]
        labels = tuple((label, numbers.index(number)) for label, number in self._labels.items())
        return Shape(tuple(parts), labels, vector.hidden, guard)

    def _part(self, part: Any) -> _Vector | _Scalar:
        found: _Vector | _Scalar
        match part:
            case ast.NumberLiteral():
                found = planner_text.number(part.val)
            case ast.VectorSelector():
                found = _Vector(self._selector(part) + planner_text.moved(part))
            case ast.ParenExpr():
                found = _around("(", self._part(part.expr), ")")
            case ast.UnaryExpr():
                found = _around("-", self._part(part.expr), "")
            case ast.AggregateExpr():
                found = self._aggregation(part)
            case ast.Call():
                found = self._call(part)
            case ast.BinaryExpr():
                found = self._operation(part)
            case ast.SubqueryExpr():
                raise NoProofError("subquery", "it has a subquery")
            case _:
                raise NoProofError("syntax", f"{type(part).__name__} is not expected here")
        return found

    def _vector(self, part: Any) -> _Vector:
        found = self._part(part)
        if isinstance(found, _Vector):
            return found
        raise NoProofError("selector", "a number stands where series are expected")

    def _scalar(self, part: Any) -> _Scalar:
        found = self._part(part)
        if isinstance(found, _Scalar):
            return found
        raise NoProofError("selector", "series stand where a number is expected")

    def _selector(self, part: Any) -> str:
        """The selector for all values. Each must fix the same labels to the same placeholders."""
        if part.matchers.or_matchers:
            raise NoProofError("selector", 'a selector joins matchers with "or"')
        texts: list[str] = []
        labels: dict[str, int] = {}
        for matcher in part.matchers.matchers:
            if not PLACEHOLDER.search(matcher.value):
                texts.append(planner_text.matcher(matcher))
                continue
            found = PLACEHOLDER.fullmatch(matcher.value)
            if not found or matcher.op != ast.MatchOp.Equal or matcher.name == "__name__":
                raise NoProofError(
                    "selector", f'the label value for "{matcher.name}" is not in an equality'
                )
            number = int(found[1])
            if labels.setdefault(matcher.name, number) != number:
                raise NoProofError("selector", f'"{matcher.name}" is matched by two label values')
            texts.append(f'{planner_text.label(matcher.name)}=~"{matcher.value}"')
        self._labels = self._labels or labels
        if not labels or labels != self._labels:
            raise NoProofError("selector", "not all selectors match the same label values")
        return f"{part.name or ''}{{{','.join(texts)}}}"

    def _aggregation(self, part: Any) -> _Vector:
        name = str(part.op)
        if name not in PER_GROUP:
            raise NoProofError("aggregation", f"{name} is not known to treat each group by itself")
        vector = self._vector(part.expr)
        parameter = f"{self._scalar(part.param)}, " if part.param is not None else ""
        ours = frozenset(self._labels)
        modifier = part.modifier
        if modifier is not None and modifier.type == ast.AggModifierType.Without:
            kept = [label for label in modifier.labels if label not in ours]
            hidden = vector.hidden | (ours & frozenset(modifier.labels))
            grouping = f"without ({planner_text.names(kept)})"
        else:
            by = list(modifier.labels) if modifier is not None else []
            hidden = (ours - frozenset(by)) | vector.hidden
            grouping = f"by ({planner_text.names([*by, *sorted(ours - frozenset(by))])})"
        return _Vector(f"{name} {grouping} ({parameter}{vector.text})", hidden)

    def _call(self, part: Any) -> _Vector | _Scalar:
        name = part.func.name
        if name in CONSTANT and not part.args:
            return f"{name}()"
        if name not in PER_SERIES and name not in PER_RANGE:
            raise NoProofError("function", f"{name}() is not known to treat each series by itself")
        texts: list[str] = []
        vectors: list[_Vector] = []
        for argument in part.args:
            if name in PER_RANGE and isinstance(argument, ast.MatrixSelector):
                found: _Vector | _Scalar = self._range(argument)
            else:
                found = self._part(argument)
            if isinstance(found, _Vector):
                vectors.append(found)
                found = found.text
            texts.append(found)
        if len(vectors) != 1:
            raise NoProofError("function", f"{name}() has {len(vectors)} arguments with series")
        return _Vector(f"{name}({', '.join(texts)})", vectors[0].hidden)

    def _range(self, part: Any) -> _Vector:
        selector = part.vector_selector
        return _Vector(
            f"{self._selector(selector)}[{planner_text.duration(part.range)}]{planner_text.moved(selector)}"
        )

    def _operation(self, part: Any) -> _Vector | _Scalar:
        sign, modifier = str(part.op).split()[0], part.modifier
        if sign not in OPERATORS:
            raise NoProofError("operator", f'the operator "{sign}" is not known')
        left, right = self._part(part.lhs), self._part(part.rhs)
        boolean = " bool" if modifier is not None and modifier.return_bool else ""
        if isinstance(left, _Vector) and isinstance(right, _Vector):
            return self._matched(left, f"{sign}{boolean}", right, modifier)
        if isinstance(left, _Vector):
            return _Vector(f"{left.text} {sign}{boolean} {right}", left.hidden)
        if isinstance(right, _Vector):
            return _Vector(f"{left} {sign}{boolean} {right.text}", right.hidden)
        return f"{left} {sign}{boolean} {right}"

    def _matched(self, left: _Vector, sign: str, right: _Vector, modifier: Any) -> _Vector:
        """Series meet within one question: our labels take part in the matching.

        Alone, a label that one side hides is absent there. It must be absent on the other side too,
        or else series that do not meet alone would meet.
        """
        ours = frozenset(self._labels)
        compared, joined, matching = ours, ours, ""
        listed = modifier.matching if modifier is not None else None
        if listed is not None:
            names = frozenset(listed.labels)
            if listed.type == ast.LabelModifierType.Include:
                compared = joined = ours & names
                matching = f" on ({planner_text.names([*listed.labels, *sorted(ours - names)])})"
            else:
                compared = joined = ours - names
                matching = (
                    f" ignoring ({planner_text.names(n for n in listed.labels if n not in ours)})"
                )
        if left.hidden & compared != right.hidden & compared:
            raise NoProofError("operator", f'the sides of "{sign}" do not have the same labels')
        if modifier is not None:
            matching += planner_text.grouping(modifier, ours)
        hidden = left.hidden
        if sign == "or" and left.hidden != right.hidden:
            raise NoProofError("operator", 'the sides of "or" do not have the same labels')
        if sign not in SET_OPERATORS:
            if modifier is not None and modifier.card == ast.VectorMatchCardinality.OneToMany:
                hidden = right.hidden
            elif modifier is None or modifier.card == ast.VectorMatchCardinality.OneToOne:
                # The result has the labels that were compared.
                hidden = left.hidden | (ours - joined)
        return _Vector(f"{left.text} {sign}{matching} {right.text}", hidden)


def _unguarded(part: Any) -> tuple[Any, Guard, Any]:
    """`part` without a final `or vector(constant)`, what that guard means, and the constant."""
    inner = _bare(part)
    if isinstance(inner, ast.BinaryExpr) and str(inner.op).split()[0] == "or":
        constant = _bare(inner.rhs)
        if isinstance(constant, ast.Call) and constant.func.name == "vector":
            listed = inner.modifier.matching if inner.modifier is not None else None
            if listed is None:
                return inner.lhs, "unlabelled", constant.args[0]
            if listed.type == ast.LabelModifierType.Include and not listed.labels:
                return inner.lhs, "absent", constant.args[0]
    return part, "", None


def _bare(part: Any) -> Any:
    while isinstance(part, ast.ParenExpr):
        part = part.expr
    return part


def _around(before: str, part: _Vector | _Scalar, after: str) -> _Vector | _Scalar:
    if isinstance(part, _Vector):
        return _Vector(f"{before}{part.text}{after}", part.hidden)
    return f"{before}{part}{after}"
