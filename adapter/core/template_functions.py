"""The functions a rule's template may call, with Go's meaning for the values that occur here."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from adapter.core.template_tokens import TemplateError

Value = str | int | bool | tuple[str, ...] | Mapping[str, str]
"""What an expression yields: text, number, truth value, list of texts, texts by name."""


def truthy(value: Value) -> bool:
    """Go's truth: everything but the empty text, list and map, zero and false."""
    return bool(value)


def as_text(value: Value) -> str:
    """How a value prints. Raises TemplateError for a list or map: its form has no use in PromQL."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise TemplateError(
        "a list or a map cannot be printed", 'pick an entry with "index" or loop with "range"'
    )


def quoted(text: str) -> str:
    """A double-quoted literal that Go and PromQL read back as `text`."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def _index(*arguments: Value) -> Value:
    if len(arguments) != 2:
        raise TemplateError(
            f'"index" takes a collection and a key, not {len(arguments)} values',
            'write index .LabelValuesByName "label"',
        )
    collection, key = arguments
    if isinstance(collection, Mapping) and isinstance(key, str):
        return collection.get(key, "")
    if isinstance(collection, tuple) and isinstance(key, int):
        if not 0 <= key < len(collection):
            raise TemplateError(f"index {key} is out of range", "test the length first")
        return collection[key]
    raise TemplateError(
        '"index" needs a map with a text key or a list with a number',
        'write index .LabelValuesByName "label"',
    )


def _printf(*arguments: Value) -> Value:
    if not arguments or not isinstance(arguments[0], str):
        raise TemplateError('"printf" needs a format', 'write printf "%s" .Series')
    layout, rest = arguments[0], list(arguments[1:])
    out: list[str] = []
    position = 0
    while position < len(layout):
        char = layout[position]
        if char != "%":
            out.append(char)
            position += 1
            continue
        verb = layout[position + 1 : position + 2]
        position += 2
        if verb == "%":
            out.append("%")
            continue
        if verb not in ("s", "v", "d", "q") or not rest:
            problem = "has no value for it" if rest == [] and verb in "svdq" else "is not known"
            raise TemplateError(f'"printf" verb %{verb} {problem}', "use %s, %q, %d or %v")
        value = rest.pop(0)
        if verb == "d" and (isinstance(value, bool) or not isinstance(value, int)):
            raise TemplateError('"printf" verb %d needs a number', "use %s or %v for text")
        out.append(quoted(as_text(value)) if verb == "q" else as_text(value))
    if rest:
        raise TemplateError('"printf" has more values than verbs', "add a verb for each value")
    return "".join(out)


def _print(*arguments: Value) -> Value:
    return "".join(map(as_text, arguments))


def _len(*arguments: Value) -> Value:
    if len(arguments) != 1 or isinstance(arguments[0], int):
        raise TemplateError('"len" takes one text, list or map', "write len .LabelValuesByName")
    return len(arguments[0])


def _eq(*arguments: Value) -> Value:
    if len(arguments) < 2:
        raise TemplateError('"eq" compares two or more values', 'write eq .Series "name"')
    return any(arguments[0] == other for other in arguments[1:])


def _ne(*arguments: Value) -> Value:
    if len(arguments) != 2:
        raise TemplateError('"ne" compares two values', 'write ne .Series "name"')
    return arguments[0] != arguments[1]


def _compare(name: str, holds: Callable[[Any, Any], bool]) -> Callable[..., Value]:
    def compare(*arguments: Value) -> Value:
        if len(arguments) != 2 or not _ordered(*arguments):
            raise TemplateError(
                f'"{name}" compares two numbers or two texts',
                f"write {name} (len .LabelValuesByName) 1",
            )
        return holds(*arguments)

    return compare


def _ordered(one: Value, other: Value) -> bool:
    kinds = {type(one), type(other)}
    return kinds in ({int}, {str})


def _and(*arguments: Value) -> Value:
    return next((value for value in arguments if not truthy(value)), arguments[-1])


def _or(*arguments: Value) -> Value:
    return next((value for value in arguments if truthy(value)), arguments[-1])


def _not(*arguments: Value) -> Value:
    if len(arguments) != 1:
        raise TemplateError('"not" takes one value', "write not .LabelMatchers")
    return not truthy(arguments[0])


FUNCTIONS: Final[Mapping[str, Callable[..., Value]]] = {
    "and": _and,
    "eq": _eq,
    "ge": _compare("ge", operator.ge),
    "gt": _compare("gt", operator.gt),
    "index": _index,
    "le": _compare("le", operator.le),
    "len": _len,
    "lt": _compare("lt", operator.lt),
    "ne": _ne,
    "not": _not,
    "or": _or,
    "print": _print,
    "printf": _printf,
}
