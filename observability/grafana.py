"""Grafana dashboards as values: rows of panels, what they ask Prometheus, what one can choose.

Only what our dashboards use: variables from Prometheus, annotations, and five kinds of panels.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Kind = Literal["timeseries", "stat", "state-timeline", "bargauge", "table"]


class Query(Struct, frozen=True):
    """PromQL, and how its series are named. `instant` asks for now instead of a range."""

    expr: str
    legend: str = ""
    instant: bool = False


class Panel(Struct, frozen=True):
    """One panel. `unit` is Grafana's name of it; `colors` by value, as text and colour."""

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    unit: str = "short"
    width: int = 12
    height: int = 8
    stacked: bool = False
    steps: bool = False
    dashed: str = ""
    """Series whose names match are drawn as thin dashed lines."""
    texts: tuple[tuple[int, str, str], ...] = ()
    alarming: bool = False
    """Red from 1 on."""
    named: bool = False
    """A stat that shows the name of its series instead of the value."""


class Row(Struct, frozen=True):
    """A heading and the panels under it."""

    title: str
    panels: tuple[Panel, ...]


class Variable(Struct, frozen=True):
    """A choice filled from Prometheus; `several` lets one choose many, or all."""

    name: str
    label: str
    query: str
    several: bool = False


class Annotation(Struct, frozen=True):
    """Moments at which `expr` has a value."""

    name: str
    expr: str
    color: str


class Board(Struct, frozen=True):
    """A dashboard; `uid` is part of its address and never changes."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    annotations: tuple[Annotation, ...] = ()


def panels_of(board: Board) -> Iterator[Panel]:
    """All panels of `board`."""
    for row in board.rows:
        yield from row.panels
