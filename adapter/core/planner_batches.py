"""How many questions go into one query."""

from collections.abc import Iterable
from typing import Final

from adapter.core.planner_shape import Plan, Values

MOST: Final = 500
"""Questions in one query."""
_LENGTH: Final = 15_000
"""Characters of a query's patterns. VictoriaMetrics refuses queries of 16 KiB."""


def batches(plan: Plan, asked: Iterable[Values], most: int = MOST) -> list[list[Values]]:
    """`asked` in parts of at most `most` that one query each can carry.

    Sorted, so that questions of one namespace stay together: each label has a pattern of its own,
    and together they also select combinations that nobody asked for.
    """
    shapes = [plan.values] if plan.times is None else [plan.values, plan.times]
    # The longer of the two queries counts.
    repeated = [[part for part in shape.parts if isinstance(part, int)] for shape in shapes]
    places = max(repeated, key=len)
    found: list[list[Values]] = []
    length = 0
    for values in sorted(asked):
        # An escaped dot takes four characters.
        own = sum(len(values[place]) + 3 * values[place].count(".") + 1 for place in places)
        length += own
        if not found or length > _LENGTH or len(found[-1]) == most:
            found.append([])
            length = own
        found[-1].append(values)
    return found
