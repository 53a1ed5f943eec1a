"""Expressions of a template: pipelines, function calls and operands, compiled to closures."""

from collections import ChainMap
from collections.abc import Callable, Mapping

from msgspec import Struct

from adapter.core.template_functions import FUNCTIONS, Value
from adapter.core.template_tokens import Action, TemplateError, Token


class Scope(Struct):
    """What names mean at one place of a render."""

    root: Mapping[str, Value]
    dot: Value | None
    """What `range` or `with` is at; None outside them, where the dot is `root`."""
    variables: ChainMap[str, Value]
    """The innermost block's first."""

    def inner(self, dot: Value | None, variables: Mapping[str, Value]) -> "Scope":
        """The scope of a block in this one, with `variables` of its own."""
        return Scope(self.root, dot, self.variables.new_child(dict(variables)))

    def assign(self, name: str, value: Value) -> None:
        """Give the nearest variable `name` another value."""
        for block in self.variables.maps:
            if name in block:
                block[name] = value
                return


Expression = Callable[[Scope], Value]


class Expressions:
    """Compiles the expressions of one template and remembers what they use."""

    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self._text = text
        self._fields = fields
        self.variables: list[str] = []
        self.used: set[str] = set()
        self.keys: set[str] = set()

    def error(self, problem: str, remedy: str, at: Token | Action) -> TemplateError:
        """The error of one place in the template."""
        return TemplateError(problem, remedy, at.offset, self._text)

    def pipeline(self, tokens: list[Token], head: Token, dot_moved: bool) -> Expression:
        """`command | command …`: each result becomes the last argument of the next command."""
        commands: list[list[Token]] = [[]]
        depth = 0
        for token in tokens:
            symbol = token.text if token.kind == "symbol" else ""
            depth += (symbol == "(") - (symbol == ")")
            if symbol == "|" and depth == 0:
                commands.append([])
            else:
                commands[-1].append(token)
        result: Expression | None = None
        for command in commands:
            if not command:
                raise self.error("a value is missing", "name a field or a function", head)
            result = self._command(command, result, dot_moved)
        assert result is not None
        return result

    def _command(
        self, tokens: list[Token], piped: Expression | None, dot_moved: bool
    ) -> Expression:
        head = tokens[0]
        rest = tokens
        function: Callable[..., Value] | None = None
        if head.kind == "word" and head.text not in ("true", "false"):
            function = FUNCTIONS.get(head.text)
            if function is None:
                known = ", ".join(sorted(FUNCTIONS))
                raise self.error(f'unknown function "{head.text}"', f"known are {known}", head)
            rest = tokens[1:]
        operands = self._operands(rest, dot_moved)
        if function is None:
            if len(operands) != 1 or piped is not None:
                raise self.error("a value is not a function", "name a function first", head)
            return operands[0]
        if head.text == "index":
            self.keys.update(token.text for token in rest if token.kind == "string")
        arguments = tuple(operands) if piped is None else (*operands, piped)
        if not arguments:
            raise self.error(f'"{head.text}" needs a value', "give it one", head)
        called = function
        return lambda scope: called(*(argument(scope) for argument in arguments))

    def _operands(self, tokens: list[Token], dot_moved: bool) -> list[Expression]:
        found: list[Expression] = []
        position = 0
        while position < len(tokens):
            token = tokens[position]
            if token.text == "(" and token.kind == "symbol":
                end = self._closing(tokens, position)
                found.append(self.pipeline(tokens[position + 1 : end], token, dot_moved))
                position = end + 1
                continue
            follower = tokens[position + 1] if position + 1 < len(tokens) else None
            if token.kind == "variable" and token.text == "$":
                if follower is None or follower.kind != "field" or not follower.joined:
                    raise self.error('"$" alone has no text', 'write "$.Series"', token)
                operand = self._field(follower)
                position += 1
            else:
                operand = self._operand(token, dot_moved)
            position += 1
            while position < len(tokens) and _continues(tokens[position]):
                operand = self._entry(operand, tokens[position])
                position += 1
            found.append(operand)
        return found

    def _entry(self, collection: Expression, key: Token) -> Expression:
        """`.LabelValuesByName.queue`: the entry of a map; nothing if there is none, as in Go."""
        name = key.text[1:]
        self.keys.add(name)

        def entry(scope: Scope) -> Value:
            found = collection(scope)
            if isinstance(found, Mapping):
                return found.get(name, "")
            raise self.error(f'there is no "{name}" in a text or list', "name a map first", key)

        return entry

    def _closing(self, tokens: list[Token], start: int) -> int:
        depth = 0
        for position in range(start, len(tokens)):
            token = tokens[position]
            if token.kind == "symbol":
                depth += (token.text == "(") - (token.text == ")")
                if depth == 0:
                    return position
        raise self.error("the parenthesis is never closed", 'add ")"', tokens[start])

    def _operand(self, token: Token, dot_moved: bool) -> Expression:
        text = token.text
        if token.kind == "string":
            return lambda _: text
        if token.kind == "number":
            number = int(text)
            return lambda _: number
        if token.kind == "word" and text in ("true", "false"):
            truth = text == "true"
            return lambda _: truth
        if token.kind == "variable":
            if text not in self.variables:
                raise self.error(f'unknown variable "{text}"', "declare it first", token)
            return lambda scope: scope.variables[text]
        if token.kind == "field":
            return self._dotted(token, dot_moved)
        raise self.error(f'unexpected "{text}"', "write a field, a string or a number", token)

    def _dotted(self, token: Token, dot_moved: bool) -> Expression:
        if not dot_moved:
            return self._field(token)
        if token.text == ".":
            return _dot
        if token.text[1:] in self._fields:
            raise self.error(
                f'inside "range" and "with" the dot is another value, without "{token.text}"',
                f'write "${token.text}"',
                token,
            )
        return self._entry(_dot, token)

    def _field(self, token: Token) -> Expression:
        name = token.text[1:]
        if name not in self._fields:
            known = ", ".join(f".{field}" for field in sorted(self._fields))
            raise self.error(f'unknown field "{token.text}"', f"known are {known}", token)
        self.used.add(name)
        return lambda scope: scope.root[name]


def _continues(token: Token) -> bool:
    return token.kind == "field" and token.joined and token.text != "."


def _dot(scope: Scope) -> Value:
    return scope.dot if scope.dot is not None else ""
