"""Metric names from configuration alone: no series is ever discovered.

A rule's `name` maps a series name to a metric name. Both are worked out when the configuration is
read: the series from a literal name in `seriesQuery`, the metric by `matches` and `as`.
Sources: external-metrics-api §12.1, E-4 (case), E-20, E-21.
"""

import re
from typing import Final

import promql_parser

_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")
_METACHARACTER: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_SERIES_NAME: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*", re.ASCII)


class NameRuleError(ValueError):
    """A rule whose series or metric name cannot be told from the file; says what to write."""


def fold(name: str) -> str:
    """The form in which names are compared: clients may lower-case them on the way (E-4)."""
    return name.lower()


def series_name(series_query: str) -> str | None:
    """The one series name that `series_query` selects; None if it may select several.

    Raises NameRuleError if it is not a series selector.
    """
    try:
        expression = promql_parser.parse(series_query)
    except ValueError as error:
        raise NameRuleError(
            f"seriesQuery: {error}; write a series selector such as 'queue_depth{{job=\"nsq\"}}'"
        ) from error
    if not isinstance(expression, promql_parser.VectorSelector):
        raise NameRuleError(
            "seriesQuery: not a series selector; write one such as 'queue_depth{job=\"nsq\"}' and "
            "move functions to metricsQuery"
        )
    if expression.name:
        return str(expression.name)
    for matcher in expression.matchers.matchers:
        if matcher.name != "__name__":
            continue
        if matcher.op == promql_parser.MatchOp.Equal:
            return str(matcher.value)
        if matcher.op == promql_parser.MatchOp.Re:
            literal = str(matcher.value).removeprefix("^").removesuffix("$")
            if not _METACHARACTER.search(literal):
                return literal
    return None


def compile_pattern(pattern: str, field: str) -> re.Pattern[str]:
    """A regular expression of the file. Raises NameRuleError."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise NameRuleError(
            f"{field}: {pattern!r} is not a regular expression ({error}); correct it"
        ) from error


def metric_name(series: str | None, matches: str, replacement: str) -> str:
    """The metric name of a rule. Raises NameRuleError if only discovered series could tell it."""
    pattern = compile_pattern(matches or ".*", "name.matches")
    if not replacement:
        if pattern.groups > 1:
            raise NameRuleError(
                "name.as: needed when name.matches has two or more groups; write for example "
                '"${1}_${2}"'
            )
        replacement = "$1" if pattern.groups == 1 else "$0"
    if not _REFERENCE.search(replacement) and series is None:
        return checked_name(replacement)
    if series is None:
        raise NameRuleError(
            "name: it depends on series that seriesQuery does not name; write one literal series "
            "name in seriesQuery or one literal metric name in name.as"
        )
    match = pattern.search(series)
    if match is None:
        raise NameRuleError(
            f'name.matches: {matches!r} does not match the series "{series}", so the rule would '
            "serve nothing; correct the expression"
        )
    return checked_name(_REFERENCE.sub(lambda found: _expand(found, match), replacement))


def checked_name(name: str) -> str:
    """`name` if it can stand as one path segment of the API. Raises NameRuleError."""
    if not name or name in (".", "..") or not name.isprintable() or any(c in name for c in "/%? "):
        raise NameRuleError(
            f"name.as: {name!r} cannot be a metric name; use letters, digits, underscores, dots, "
            "dashes and colons"
        )
    return name


def is_series_name(name: str) -> bool:
    """Whether `name` can be written in PromQL without quotes."""
    return _SERIES_NAME.fullmatch(name) is not None


def _expand(reference: re.Match[str], match: re.Match[str]) -> str:
    """Go's expansion: a group that does not exist or did not take part is empty, "$$" is "$"."""
    if reference[3]:
        return "$"
    group = reference[1] or reference[2]
    try:
        return match[int(group) if group.isdigit() else group] or ""
    except IndexError:
        return ""
