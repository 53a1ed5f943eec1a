"""Label selectors as PromQL matchers, and the checks a query must pass before it is ever sent.

Source: external-metrics-api §3 and E-5 (mapping), §12.1 and E-20 (comma cleaning).
"""

import re
from typing import Final

import promql_parser

from adapter.core.template_functions import quoted
from kube.vocab.selectors import Requirement, Selector

_LABEL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_RE2_META: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]*", re.ASCII)
_UNSERVABLE: Final = {
    "StringLiteral": "a string",
    "MatrixSelector": "a range of samples",
    "SubqueryExpr": "a range of samples",
}


class UnservableSelectorError(ValueError):
    """A valid request that has no PromQL counterpart."""


class QueryError(ValueError):
    """Text that is not a PromQL expression of an instant value."""


def is_label_name(name: str) -> bool:
    """Whether Prometheus accepts `name` as a label name without quoting."""
    return _LABEL_NAME.fullmatch(name) is not None


def matchers_of(
    selector: Selector, namespace_label: str, namespace: str, *, quote_keys: bool = False
) -> str:
    """Comma-joined matchers without braces: the selector's, then the namespace if it has a label.

    `quote_keys`: a key that is no plain label name is quoted, which Prometheus 3 understands.
    Raises UnservableSelectorError for such a key otherwise, and for ">" and "<".
    """
    parts = [_matcher(requirement, quote_keys) for requirement in selector.requirements]
    if namespace_label:
        parts.append(f"{namespace_label}={quoted(namespace)}")
    return ",".join(parts)


def label_values_of(selector: Selector, namespace_label: str, namespace: str) -> dict[str, str]:
    """Values by label name, several joined with "|": the template field LabelValuesByName.

    Values of a selector contain letters, digits, dot, dash and underscore. The namespace comes from
    the URL and values of `params` from the file: anything unusual in them is escaped, so that each
    stays one literal value inside a quoted regular expression.
    """
    values: dict[str, str] = {}
    for requirement in selector.requirements:
        if requirement.values:
            values[requirement.key] = "|".join(map(_harmless, requirement.values))
    if namespace_label:
        values[namespace_label] = _harmless(namespace)
    return values


def clean_commas(query: str) -> str:
    """Drop commas that an empty matcher list leaves behind: `m{,a="b"}`, `m{a="b",,c="d"}`.

    Text inside string literals is left alone.
    """
    out: list[str] = []
    depth, last, position = 0, "", 0
    while position < len(query):
        char = query[position]
        if char in "\"'`":
            end = _string_end(query, position)
            out.append(query[position:end])
            last, position = "string", end
            continue
        depth += (char == "{") - (char == "}")
        if depth > 0 and char == "," and last in ("{", ","):
            position += 1
            continue
        out.append(char)
        if not char.isspace():
            last = char
        position += 1
    return "".join(out)


def check_query(query: str) -> None:
    """Raise QueryError unless `query` parses and yields a vector or a scalar."""
    try:
        expression = promql_parser.parse(query)
    except ValueError as error:
        raise QueryError(str(error)) from error
    while isinstance(expression, promql_parser.ParenExpr):
        expression = expression.expr
    yields = _UNSERVABLE.get(type(expression).__name__)
    if yields:
        raise QueryError(f"the expression yields {yields}, not an instant value")


def _matcher(requirement: Requirement, quote_keys: bool) -> str:
    key, values = requirement.key, requirement.values
    if not is_label_name(key):
        if not quote_keys:
            raise UnservableSelectorError(
                f'label "{key}" cannot be selected: Prometheus label names consist of letters, '
                "digits and underscores"
            )
        key = quoted(key)
    match requirement.operator:
        case "=" | "==":
            return f"{key}={quoted(values[0])}"
        case "!=":
            return f"{key}!={quoted(values[0])}"
        case "in" | "notin":
            positive = requirement.operator == "in"
            if len(values) == 1:
                return f"{key}{'=' if positive else '!='}{quoted(values[0])}"
            alternatives = "|".join(map(literal, values))
            return f"{key}{'=~' if positive else '!~'}{quoted(alternatives)}"
        case "exists":
            return f'{key}!=""'
        case "!":
            return f'{key}=""'
        case "gt" | "lt":
            sign = ">" if requirement.operator == "gt" else "<"
            raise UnservableSelectorError(
                f'operator "{sign}" on label "{requirement.key}" is not supported for external '
                "metrics"
            )


def _harmless(value: str) -> str:
    """`value` for a place inside quotes, where it may be read as a regular expression."""
    return value if _PLAIN.fullmatch(value) else quoted(literal(value))[1:-1]


def literal(value: str) -> str:
    """`value` as an RE2 pattern that matches it alone."""
    return _RE2_META.sub(r"\\\g<0>", value)


def _string_end(text: str, start: int) -> int:
    """Position after the string literal that begins at `start` (the end of text if unclosed)."""
    quote, position = text[start], start + 1
    while position < len(text):
        if text[position] == "\\" and quote != "`":
            position += 2
            continue
        if text[position] == quote:
            return position + 1
        position += 1
    return len(text)
