"""Label selectors: the text grammar, the object form, canonical text and matching.

Source: external-metrics-api §3. There is no quoting and no escaping in this grammar. Messages
follow the API server's, so that tools which know them keep working.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from kube.vocab.labels import check_key, check_value
from kube.vocab.objects import Wire

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]

_BLANK: Final = " \t\r\n"
_SPECIAL: Final = "(),!=<>"
_SYMBOLS: Final = {"=", "==", "!=", "!", "(", ")", ",", ">", "<"}
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_EXPECTED_OPERATOR: Final = "in, notin, =, ==, !=, gt, lt"
_FROM_OBJECT: Final[Mapping[str, Operator]] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
}


class SelectorError(ValueError):
    """The selector is not valid; the message says where."""


class Requirement(Struct, frozen=True, gc=False):
    """One comma-separated part. `values` is sorted; empty for "exists" and "!"."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Kubernetes' own evaluation: "!=" and "notin" hold where the label is absent."""
        present = self.key in labels
        match self.operator:
            case "=" | "==" | "in":
                return present and labels[self.key] in self.values
            case "!=" | "notin":
                return not present or labels[self.key] not in self.values
            case "exists":
                return present
            case "!":
                return not present
            case "gt" | "lt":
                return present and self._compares(labels[self.key])

    def _compares(self, text: str) -> bool:
        if not _INTEGER.fullmatch(text):
            return False
        number, bound = int(text), int(self.values[0])
        return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        match self.operator:
            case "=" | "==" | "!=":
                return f"{self.key}{self.operator}{self.values[0]}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({','.join(self.values)})"
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "gt":
                return f"{self.key}>{self.values[0]}"
            case "lt":
                return f"{self.key}<{self.values[0]}"


class Selector(Struct, frozen=True, gc=False):
    """A conjunction of requirements, sorted by key. Without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it matches everything."""
        return not self.requirements

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every requirement holds for `labels`."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


class LabelSelectorRequirement(Wire, frozen=True):
    """`matchExpressions[]` entry."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class LabelSelector(Wire, frozen=True):
    """`metav1.LabelSelector` as written in objects."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[LabelSelectorRequirement, ...] | None = None


def selector_of(wire: LabelSelector | None) -> Selector:
    """The selector that an object spells out; absent or empty matches everything.

    Raises SelectorError.
    """
    if wire is None:
        return Selector()
    found = [_requirement(key, "=", [value]) for key, value in (wire.match_labels or {}).items()]
    for expression in wire.match_expressions or ():
        operator = _FROM_OBJECT.get(expression.operator)
        if operator is None:
            raise SelectorError(f'"{expression.operator}" is not a valid label selector operator')
        found.append(_requirement(expression.key, operator, list(expression.values or ())))
    return _sorted(found)


@lru_cache(maxsize=4096)
def parse_selector(text: str) -> Selector:
    """Read the text form. Raises SelectorError with the API server's message."""
    tokens = _tokens(text)
    found: list[Requirement] = []
    if tokens[0] == "":
        return Selector()
    position = 0
    while True:
        requirement, position = _parse_requirement(tokens, position)
        found.append(requirement)
        token = tokens[position]
        if token == "":
            return _sorted(found)
        if token != ",":
            raise SelectorError(f"found '{token}', expected: ',' or 'end of string'")
        position += 1
        if not _is_word(tokens[position]) and tokens[position] != "!":
            raise SelectorError(f"found '{tokens[position]}', expected: identifier after ','")


def _tokens(text: str) -> list[str]:
    """Words and symbols; the end is the empty token."""
    tokens: list[str] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char in _BLANK:
            position += 1
            continue
        start = position
        if char in _SPECIAL:
            position += 1
            if char in "=!" and text[position : position + 1] == "=":
                position += 1
        else:
            while position < len(text) and text[position] not in _BLANK + _SPECIAL:
                position += 1
        tokens.append(text[start:position])
    return [*tokens, ""]


def _is_word(token: str) -> bool:
    return token != "" and token not in _SYMBOLS


def _parse_requirement(tokens: list[str], position: int) -> tuple[Requirement, int]:
    token = tokens[position]
    negated = token == "!"
    if negated:
        position += 1
        token = tokens[position]
        if not _is_word(token):
            raise SelectorError(
                f"unable to parse requirement: found '{token}', expected: identifier"
            )
    elif not _is_word(token):
        raise SelectorError(f"found '{token}', expected: !, identifier, or 'end of string'")
    key, position = token, position + 1
    token = tokens[position]
    if negated:
        return _requirement(key, "!", []), position
    if token in ("", ","):
        return _requirement(key, "exists", []), position
    match token:
        case "=" | "==" | "!=":
            value, position = _parse_value(tokens, position + 1)
            return _requirement(key, token, [value]), position
        case "in" | "notin":
            values, position = _parse_set(tokens, position + 1)
            return _requirement(key, token, values), position
        case ">" | "<":
            value, position = _parse_value(tokens, position + 1)
            return _requirement(key, "gt" if token == ">" else "lt", [value]), position
        case _:
            raise SelectorError(
                f"unable to parse requirement: found '{token}', expected: {_EXPECTED_OPERATOR}"
            )


def _parse_value(tokens: list[str], position: int) -> tuple[str, int]:
    token = tokens[position]
    if token in ("", ","):
        return "", position
    if not _is_word(token):
        raise SelectorError(f"unable to parse requirement: found '{token}', expected: identifier")
    return token, position + 1


def _parse_set(tokens: list[str], position: int) -> tuple[list[str], int]:
    if tokens[position] != "(":
        raise SelectorError(
            f"unable to parse requirement: found '{tokens[position]}' expected: '('"
        )
    position += 1
    values: list[str] = []
    while True:
        token = tokens[position]
        if _is_word(token):
            values.append(token)
            position += 1
            token = tokens[position]
        else:
            values.append("")
        if token == ")":
            return values, position + 1
        if token != ",":
            raise SelectorError(
                f"unable to parse requirement: found '{token}', expected: ',' or ')'"
            )
        position += 1


def _requirement(key: str, operator: Operator, values: list[str]) -> Requirement:
    problem = check_key(key)
    if problem:
        raise SelectorError(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": {problem}'
        )
    if operator in ("in", "notin") and not values:
        raise SelectorError(f"for 'in', 'notin' operators, values set of {key} can't be empty")
    if operator in ("exists", "!") and values:
        raise SelectorError(f"values set of {key} must be empty for exists and does not exist")
    if operator in ("gt", "lt"):
        _check_integer(key, values[0])
    for index, value in enumerate(values):
        problem = check_value(value)
        if problem:
            raise SelectorError(
                f'unable to parse requirement: values[{index}][{key}]: Invalid value: "{value}": '
                f"{problem}"
            )
    return Requirement(key, operator, tuple(sorted(set(values))))


def _check_integer(key: str, value: str) -> None:
    if not _INTEGER.fullmatch(value):
        raise SelectorError(
            f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )


def _sorted(found: list[Requirement]) -> Selector:
    return Selector(tuple(sorted(found, key=lambda requirement: requirement.key)))
