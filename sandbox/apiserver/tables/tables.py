"""`meta.k8s.io/v1` Tables: what `kubectl get` prints."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from kube.vocab.times import Millis
from sandbox.apiserver.kinds.resources import EVENTS, Column, Object, Resource
from sandbox.apiserver.tables.ages import age
from sandbox.apiserver.tables.builtin_columns import BUILT_IN_COLUMNS
from sandbox.apiserver.tables.cells import Cell
from sandbox.apiserver.tables.jsonpath import find, parse_path

IncludeObject = Literal["None", "Metadata", "Object"]

_NAME: Final = Column(
    "Name", type="string", format="name", description="Name must be unique within a namespace."
)
_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")


class TableColumn(Struct, frozen=True):
    """A column and how its cells are made."""

    definition: Column
    cell: Cell


def table(
    resource: Resource,
    objects: Iterable[Object],
    now: Millis,
    *,
    meta: Object,
    include: IncludeObject = "Metadata",
    with_columns: bool = True,
) -> Object:
    """The Table of `objects`. Watches send the column definitions in their first event only."""
    columns = _columns(resource)
    wire = [_wire(item.definition, resource.custom) for item in columns] if with_columns else None
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": wire,
        "rows": [_row(columns, obj, now, include) for obj in objects],
    }


def partial_metadata(obj: Object) -> Object:
    """The object reduced to its metadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def _columns(resource: Resource) -> list[TableColumn]:
    columns = [TableColumn(_NAME, lambda obj, _now: obj["metadata"]["name"])]
    if resource.custom:
        return columns + [TableColumn(column, _cell(column)) for column in resource.columns]
    if resource.key == EVENTS.key:
        columns = []
    for column, cell in BUILT_IN_COLUMNS.get(resource.key, ()):
        columns.append(TableColumn(column, cell or _cell(column)))
    if resource.key not in BUILT_IN_COLUMNS:
        columns.append(TableColumn(_AGE, _cell(_AGE)))
    return columns


def _cell(column: Column) -> Callable[[Object, Millis], Any]:
    steps = parse_path(column.json_path)

    def cell(obj: Object, now: Millis) -> Any:
        found = find(steps, obj)
        return _shown(column.type, found[0], now) if found and found[0] is not None else None

    return cell


def _shown(kind: str, value: Any, now: Millis) -> Any:
    """A value in the type that its column promises; what does not fit is left out."""
    match kind:
        case "date":
            return age(value, now)
        case "integer" | "number" | "boolean":
            wanted = {"integer": int, "number": (int, float), "boolean": bool}[kind]
            fits = isinstance(value, wanted)  # type: ignore[arg-type]  # a type or a tuple of them
            return value if fits and isinstance(value, bool) is (kind == "boolean") else None
        case _:
            return _text(value)


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return msgspec.json.encode(value, order="deterministic").decode()
        case _:
            return str(value)


def _wire(column: Column, custom: bool) -> Object:
    # Ages of built-in kinds come as text, and so are they called.
    kind = "string" if column.type == "date" and not custom else column.type
    return {
        "name": column.name,
        "type": kind,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(columns: list[TableColumn], obj: Object, now: Millis, include: IncludeObject) -> Object:
    row: Object = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Metadata":
        row["object"] = partial_metadata(obj)
    elif include == "Object":
        row["object"] = obj
    return row
