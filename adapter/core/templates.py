"""Rule templates, compiled once into literal segments and slots.

`compile_template` reads the text, `Template.render` fills it in. A template is checked as far as it
can be without data: unknown fields, functions, keywords and unbalanced blocks are errors with their
position. Source: external-metrics-api §12.1, E-20.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from adapter.core.template_expressions import Expressions, Scope
from adapter.core.template_functions import Value, as_text, truthy
from adapter.core.template_tokens import Action, TemplateError, Token, segments

_UNSUPPORTED: Final = ("define", "template", "block", "break", "continue")


Part = str | Callable[[Scope], str]


class Template(Struct, frozen=True):
    """A compiled template."""

    text: str
    parts: tuple[Part, ...]
    fields: frozenset[str]
    """Names of the fields it reads."""
    keys: frozenset[str]
    """Text keys it looks up with `index`."""

    def render(self, data: Mapping[str, Value]) -> str:
        """Fill the slots from `data`. Raises TemplateError."""
        return _render(self.parts, Scope(data, None, ChainMap()))


def compile_template(text: str, fields: frozenset[str]) -> Template:
    """Compile `text`, which may read `fields`. Raises TemplateError."""
    compiler = _Compiler(text, fields)
    parts, end = compiler.block(dot_moved=False)
    if end is not None:
        raise compiler.expressions.error(f'"{end.text}" without a block to end', "remove it", end)
    return Template(
        text, parts, frozenset(compiler.expressions.used), frozenset(compiler.expressions.keys)
    )


def _render(parts: tuple[Part, ...], scope: Scope) -> str:
    return "".join(part if isinstance(part, str) else part(scope) for part in parts)


class _Compiler:
    """One pass over the segments; blocks recurse."""

    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self._segments = segments(text)
        self._tail: list[Token] = []
        self.expressions = Expressions(text, fields)

    def block(self, *, dot_moved: bool) -> tuple[tuple[Part, ...], Token | None]:
        """Parts up to the `else` or `end` that closes the block (None at the end of the text).

        What follows `else` on the same action is left in `_tail`.
        """
        parts: list[Part] = []
        visible = len(self.expressions.variables)
        for segment in self._segments:
            if isinstance(segment, str):
                parts.append(segment)
                continue
            head = segment.tokens[0]
            if head.kind == "word" and head.text in ("else", "end"):
                del self.expressions.variables[visible:]
                self._tail = list(segment.tokens[1:])
                if head.text == "end" and self._tail:
                    raise self.expressions.error(
                        '"end" takes nothing', 'write "<<end>>"', self._tail[0]
                    )
                return tuple(parts), head
            parts.append(self._part(segment, dot_moved))
        del self.expressions.variables[visible:]
        return tuple(parts), None

    def _part(self, action: Action, dot_moved: bool) -> Part:
        tokens, head = list(action.tokens), action.tokens[0]
        if head.kind == "word":
            if head.text == "if":
                return self._if(head, tokens[1:], dot_moved)
            if head.text == "range":
                return self._range(head, tokens[1:], dot_moved)
            if head.text in _UNSUPPORTED:
                raise self.expressions.error(
                    f'"{head.text}" is not supported here',
                    'use "if", "else", "range" or "with"',
                    head,
                )
            if head.text == "with":
                return self._with(head, tokens[1:], dot_moved)
        if head.kind == "variable" and len(tokens) > 1 and _declares(tokens[1]):
            return self._declaration(head, tokens[2:], dot_moved)
        if head.kind == "variable" and len(tokens) > 1 and _is(tokens[1], "="):
            return self._assignment(head, tokens[2:], dot_moved)
        found = self.expressions.pipeline(tokens, head, dot_moved)
        return lambda scope: as_text(found(scope))

    def _declaration(self, head: Token, tokens: list[Token], dot_moved: bool) -> Part:
        name, value = head.text, self.expressions.pipeline(tokens, head, dot_moved)
        self.expressions.variables.append(name)

        def declare(scope: Scope) -> str:
            scope.variables[name] = value(scope)
            return ""

        return declare

    def _assignment(self, head: Token, tokens: list[Token], dot_moved: bool) -> Part:
        name, value = head.text, self.expressions.pipeline(tokens, head, dot_moved)
        if name not in self.expressions.variables:
            raise self.expressions.error(
                f'unknown variable "{name}"', f'declare it with "{name} := …"', head
            )

        def assign(scope: Scope) -> str:
            scope.assign(name, value(scope))
            return ""

        return assign

    def _with(self, head: Token, tokens: list[Token], dot_moved: bool) -> Part:
        """`with value`: the block with the dot at the value, unless that is empty."""
        name = ""
        if len(tokens) > 1 and tokens[0].kind == "variable" and _declares(tokens[1]):
            name, tokens = tokens[0].text, tokens[2:]
        value = self.expressions.pipeline(tokens, head, dot_moved)
        visible = len(self.expressions.variables)
        self.expressions.variables.extend([name] if name else [])
        then, end = self.block(dot_moved=True)
        otherwise: tuple[Part, ...] = ()
        if end is not None and end.text == "else":
            self._no_tail(self._tail)
            otherwise, end = self.block(dot_moved=dot_moved)
        del self.expressions.variables[visible:]
        self._ended(head, end)

        def choose(scope: Scope) -> str:
            found = value(scope)
            bound = {name: found} if name else {}
            if truthy(found):
                return _render(then, scope.inner(found, bound))
            return _render(otherwise, scope.inner(scope.dot, bound))

        return choose

    def _if(self, head: Token, condition: list[Token], dot_moved: bool) -> Part:
        test = self.expressions.pipeline(condition, head, dot_moved)
        then, end = self.block(dot_moved=dot_moved)
        otherwise: tuple[Part, ...] = ()
        if end is not None and end.text == "else":
            tail = self._tail
            if tail and tail[0].kind == "word" and tail[0].text == "if":
                # The chain has one "end", which the last link takes.
                otherwise = (self._if(tail[0], tail[1:], dot_moved),)
            else:
                self._no_tail(tail)
                otherwise, end = self.block(dot_moved=dot_moved)
                self._ended(head, end)
        else:
            self._ended(head, end)

        def choose(scope: Scope) -> str:
            chosen = then if truthy(test(scope)) else otherwise
            return _render(chosen, scope.inner(scope.dot, {}))

        return choose

    def _range(self, head: Token, tokens: list[Token], dot_moved: bool) -> Part:
        names: list[str] = []
        marks = [index for index, token in enumerate(tokens) if _declares(token)]
        if marks:
            before = tokens[: marks[0]]
            names = [token.text for token in before if token.kind == "variable"]
            if not 1 <= len(names) <= 2 or len(before) != 2 * len(names) - 1:
                raise self.expressions.error(
                    "a loop declares one or two variables",
                    "write range $key, $value := .LabelValuesByName",
                    head,
                )
            tokens = tokens[marks[0] + 1 :]
        collection = self.expressions.pipeline(tokens, head, dot_moved)
        visible = len(self.expressions.variables)
        self.expressions.variables.extend(names)
        body, end = self.block(dot_moved=True)
        del self.expressions.variables[visible:]
        otherwise: tuple[Part, ...] = ()
        if end is not None and end.text == "else":
            self._no_tail(self._tail)
            otherwise, end = self.block(dot_moved=dot_moved)
        self._ended(head, end)

        def loop(scope: Scope) -> str:
            entries = _entries(collection(scope))
            if not entries:
                return _render(otherwise, scope.inner(scope.dot, {}))
            out = []
            for key, value in entries:
                values = (key, value) if len(names) == 2 else (value,)
                bound = dict(zip(names, values, strict=False))
                out.append(_render(body, scope.inner(value, bound)))
            return "".join(out)

        return loop

    def _no_tail(self, tail: list[Token]) -> None:
        if tail:
            raise self.expressions.error('"else" takes nothing here', 'write "<<else>>"', tail[0])

    def _ended(self, head: Token, end: Token | None) -> None:
        if end is None:
            raise self.expressions.error(f'"{head.text}" is never ended', 'add "<<end>>"', head)
        if end.text != "end":
            raise self.expressions.error(f'a second "{end.text}" for one block', "remove it", end)


def _declares(token: Token) -> bool:
    return _is(token, ":=")


def _is(token: Token, symbol: str) -> bool:
    return token.kind == "symbol" and token.text == symbol


def _entries(collection: Value) -> list[tuple[Value, Value]]:
    """Key and value of each entry; maps in the order of their keys, as Go does."""
    if isinstance(collection, Mapping):
        return list(sorted(collection.items()))
    if isinstance(collection, tuple):
        return list(enumerate(collection))
    raise TemplateError('"range" needs a list or a map', "loop over .LabelValuesByName")
