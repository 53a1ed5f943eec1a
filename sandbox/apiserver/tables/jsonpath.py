"""The JSONPath of printer columns: fields, indexes, wildcards, filters and recursive descent.

Follows kubectl's reading of odd paths, such as a trailing `..` (which yields a text itself, and
nothing for a number).
"""

import operator
import re
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

_TOKEN: Final = re.compile(
    r"""
    (?P<recursive>\.\.)
  | \.?\[\?\((?P<filter>.*?)\)\]
  | \.?\[(?P<index>-?\d+)\]
  | (?P<wildcard>\.?\[\*\]|\.\*)
  | \.?\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]
  | \.?(?P<field>(?:[^.\[\]\\]|\\.)+)
  | (?P<self>\.$)
    """,
    re.VERBOSE,
)
_CONDITION: Final = re.compile(
    r"""\s*@(?P<path>[^=!<>]*?)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<literal>.+?)\s*)?"""
)

_ORDER: Final = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


class JsonPathError(ValueError):
    """The path cannot be read."""


class Field(Struct, frozen=True):
    """A member of an object."""

    name: str


class Index(Struct, frozen=True):
    """An element of a list; negative counts from the end."""

    at: int


class Wildcard(Struct, frozen=True):
    """Every element or member."""


class Recursive(Struct, frozen=True):
    """The value and everything below it that has something below it."""


class Filter(Struct, frozen=True):
    """The elements for which a comparison holds; without an operator, for which the path exists."""

    path: tuple["Step", ...]
    operator: str
    literal: Any


Step = Field | Index | Wildcard | Recursive | Filter


@lru_cache(maxsize=1024)
def parse_path(text: str) -> tuple[Step, ...]:
    """Read a path such as `.status.conditions[?(@.type=="Ready")].status`. Raises JsonPathError."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise JsonPathError(f"cannot read {text!r} from {text[position:]!r} on")
        position = match.end()
        if match["recursive"]:
            steps.append(Recursive())
        elif match["filter"] is not None:
            steps.append(_filter(match["filter"]))
        elif match["index"]:
            steps.append(Index(int(match["index"])))
        elif match["wildcard"]:
            steps.append(Wildcard())
        elif match["quoted"] is not None:
            steps.append(Field(match["quoted"]))
        elif match["field"]:
            steps.append(Field(re.sub(r"\\(.)", r"\1", match["field"])))
    return tuple(steps)


def find(steps: tuple[Step, ...], root: Any) -> list[Any]:
    """Every value that the path reaches, in order; nothing where it leads nowhere."""
    values = [root]
    for step in steps:
        values = [found for value in values for found in _apply(step, value)]
    return values


def _apply(step: Step, value: Any) -> list[Any]:
    match step:
        case Field(name):
            return [value[name]] if isinstance(value, dict) and name in value else []
        case Index(at):
            inside = isinstance(value, list) and -len(value) <= at < len(value)
            return [value[at]] if inside else []
        case Wildcard():
            return _children(value)
        case Recursive():
            return _descend(value)
        case Filter():
            elements = value if isinstance(value, list) else []
            return [element for element in elements if _holds(step, element)]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _descend(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value] if value else []
    children = _children(value)
    if not children:
        return []
    return [value, *(found for child in children for found in _descend(child))]


def _filter(text: str) -> Filter:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise JsonPathError(f"cannot read the filter {text!r}")
    if not match["operator"]:
        return Filter(parse_path(match["path"]), "", None)
    return Filter(parse_path(match["path"]), match["operator"], _literal(match["literal"]))


def _literal(text: str) -> Any:
    if text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    named = {"true": True, "false": False, "null": None}
    if text in named:
        return named[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise JsonPathError(f"{text!r} is neither a quoted text nor a number") from None


def _holds(condition: Filter, element: Any) -> bool:
    found = find(condition.path, element)
    if not condition.operator or not found:
        return bool(found)
    left, right = found[0], condition.literal
    if condition.operator in ("==", "!="):
        return (left == right) is (condition.operator == "==")
    return type(left) is type(right) and bool(_ORDER[condition.operator](left, right))
