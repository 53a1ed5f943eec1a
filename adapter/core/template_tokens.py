"""Cutting template text into literal segments and the tokens of each `<<action>>`.

The language is the part of Go's text/template that rule files use (external-metrics-api §12.1),
with the delimiters `<<` and `>>`, trim markers (`<<-`, `->>`) and comments.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["field", "variable", "word", "string", "number", "symbol"]

_OPEN: Final = "<<"
_CLOSE: Final = ">>"
_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
      | (?P<number>[+-]?[0-9]+)
      | (?P<variable>\$[A-Za-z0-9_]*)
      | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*|\.)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol>:=|=|\||\(|\)|,)""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


class TemplateError(ValueError):
    """A template that cannot be read or rendered: where, what is wrong, what to do."""

    def __init__(
        self, problem: str, remedy: str, offset: int | None = None, text: str = ""
    ) -> None:
        self.problem = problem
        self.remedy = remedy
        where = "" if offset is None else f"{position_of(text, offset)}: "
        super().__init__(f"{where}{problem}; {remedy}")


class Token(Struct, frozen=True, gc=False):
    """One token of an action; `text` is the value for strings (unquoted)."""

    kind: Kind
    text: str
    offset: int
    joined: bool = False
    """Whether it touches the token before it: `$x.Name` is one operand, `$x .Name` are two."""


class Action(Struct, frozen=True, gc=False):
    """What stands between `<<` and `>>`."""

    tokens: tuple[Token, ...]
    offset: int


def position_of(text: str, offset: int) -> str:
    """`line L, column C`, counted from one."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return f"line {line}, column {column}"


def segments(text: str) -> Iterator[str | Action]:
    """Literal text and actions in order. Raises TemplateError."""
    position, trim = 0, False
    while True:
        start = text.find(_OPEN, position)
        literal = text[position:] if start < 0 else text[position:start]
        if trim:
            literal = literal.lstrip()
        if start < 0:
            if literal:
                yield literal
            return
        inner = start + len(_OPEN)
        if text[inner : inner + 1] == "-" and text[inner + 1 : inner + 2].isspace():
            literal = literal.rstrip()
            inner += 1
        if literal:
            yield literal
        tokens, position, trim = _action(text, inner, start)
        if tokens:
            yield Action(tokens, start)


def _action(text: str, position: int, start: int) -> tuple[tuple[Token, ...], int, bool]:
    """Tokens up to the closing delimiter, the position after it, whether it trims."""
    comment = re.compile(r"\s*/\*.*?\*/\s*(-?)>>", re.DOTALL).match(text, position)
    if comment:
        return (), comment.end(), comment[1] == "-"
    found: list[Token] = []
    joined = False
    while True:
        if position >= len(text):
            raise TemplateError("the action is never closed", 'end it with ">>"', start, text)
        if text.startswith(_CLOSE, position):
            break
        if re.compile(r"\s-" + _CLOSE).match(text, position):
            return tuple(found), position + 2 + len(_CLOSE), True
        if text[position].isspace():
            position += 1
            joined = False
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise TemplateError(
                f"unexpected character {text[position]!r}",
                "write a field, a function, a quoted string or a number",
                position,
                text,
            )
        found.append(_token(match, joined, text))
        position = match.end()
        joined = True
    if not found:
        raise TemplateError(
            "the action is empty", 'name a field, such as "<<.Series>>"', start, text
        )
    return tuple(found), position + len(_CLOSE), False


def _token(match: re.Match[str], joined: bool, text: str) -> Token:
    kind = match.lastgroup
    assert kind is not None
    value = match[0]
    if kind == "string":
        value = value[1:-1] if value[0] == "`" else _unquote(value[1:-1], match.start(), text)
    return Token(kind, value, match.start(), joined)  # type: ignore[arg-type]  # the group names are the kinds


def _unquote(body: str, offset: int, text: str) -> str:
    def one(match: re.Match[str]) -> str:
        known = _ESCAPES.get(match[1])
        if known is None:
            raise TemplateError(
                f"unknown escape {match[0]!r} in a string",
                "use a raw string between backquotes",
                offset,
                text,
            )
        return known

    return re.sub(r"\\(.)", one, body)
