"""What questions of one form become when they are asked together, and who gets which series."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from adapter.core.promql import literal
from adapter.core.template_functions import quoted

Values = tuple[str, ...]
"""The label values of one question."""

Guard = Literal["", "unlabelled", "absent"]
"""When a question also gets the constant of `or vector(…)`: if no series of its own is without
labels, or (`or on() vector(…)`) if it has no series of its own at all."""

Reason = Literal[
    "no form", "syntax", "selector", "number", "function", "aggregation", "operator", "subquery"
]
"""What kind of thing in a query keeps it from being asked together with others."""


class Alone(Struct, frozen=True):
    """Questions of this form are asked one by one."""

    reason: Reason
    detail: str
    """For the author of the rule."""


class Shape(Struct, frozen=True):
    """How questions of one form are asked together.

    `promql(asked)` yields, among others, each series that a question of `asked` yields alone, with
    the same value. Every one bears the labels that tell whose it is, `values_of`.
    """

    parts: tuple[str | int, ...]
    """Text; a number stands for a pattern of all values at that place."""
    labels: tuple[tuple[str, int], ...]
    """Labels that tell whose a series is, and the place of each one's value."""
    hidden: frozenset[str]
    """Those of them that the series of a question asked alone does not have."""
    guard: Guard = ""

    def promql(self, asked: Iterable[Values]) -> str:
        """One query that answers all of `asked`."""
        patterns = [
            quoted("|".join(map(literal, sorted(set(values)))))[1:-1]
            for values in zip(*asked, strict=True)
        ]
        return "".join(part if isinstance(part, str) else patterns[part] for part in self.parts)

    def values_of(self, labels: Mapping[str, str]) -> Values | None:
        """Whose series this is; None if it is nobody's."""
        found: dict[int, str] = {}
        for label, place in self.labels:
            value = labels.get(label)
            if value is None or found.setdefault(place, value) != value:
                return None
        return tuple(found[place] for place in range(len(found)))

    def shown(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels of the series as its question asked alone has them."""
        return {name: value for name, value in labels.items() if name not in self.hidden}


class Plan(Struct, frozen=True):
    """How the values of questions are asked together, and their instants if they ask for those."""

    values: Shape
    times: Shape | None = None


ALONE: Final = Alone("no form", "no label value occurs in the query as an exact match")
