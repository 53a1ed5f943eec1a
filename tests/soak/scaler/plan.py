"""What a soak is asked to do."""

from collections.abc import Callable

from msgspec import Struct

Say = Callable[[str], None]
"""Where progress goes, line by line."""


class Plan(Struct, frozen=True):
    """How long, how many, and from which seed all choices come."""

    seconds: float
    consumers: int
    seed: int
