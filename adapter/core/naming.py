"""Series names and the metric names that `name.matches` and `name.as` make of them.

Sources: external-metrics-api §12.1, E-4 (case), E-20, E-21.
"""

import re
from typing import Final

import promql_parser
from msgspec import Struct

from adapter.core.problems import RuleError

_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")
_METACHARACTER: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_SERIES_NAME: Final = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*", re.ASCII)


def fold(name: str) -> str:
    """The form in which names are compared: clients may lower-case them on the way (E-4)."""
    return name.lower()


def series_name(series_query: str) -> str | None:
    """The one series name that `series_query` selects; None if it may select several.

    Raises RuleError if it is not a series selector.
    """
    try:
        expression = promql_parser.parse(series_query)
    except ValueError as error:
        raise RuleError(
            f"{error}; write a series selector such as 'queue_depth{{job=\"nsq\"}}'", "seriesQuery"
        ) from error
    if not isinstance(expression, promql_parser.VectorSelector):
        raise RuleError(
            "not a series selector; write one such as 'queue_depth{job=\"nsq\"}' and move "
            "functions to metricsQuery",
            "seriesQuery",
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


def compile_pattern(pattern: str, *path: str | int) -> re.Pattern[str]:
    """The regular expression that stands at `path` of a rule. Raises RuleError."""
    if "[[:" in pattern:
        raise RuleError(
            f"{pattern!r}: classes such as [[:alpha:]] are not supported; write [a-zA-Z]", *path
        )
    try:
        return re.compile(pattern)
    except re.error as error:
        raise RuleError(
            f"{pattern!r} is not a regular expression ({error}); correct it", *path
        ) from error


class Naming(Struct, frozen=True):
    """From series name to metric name."""

    pattern: re.Pattern[str]
    replacement: str

    @property
    def literal(self) -> bool:
        """Whether the metric name is the same for every series."""
        return not _REFERENCE.search(self.replacement)

    def name_of(self, series: str) -> str | None:
        """The metric of `series`; None if the expression does not match it.

        Raises RuleError for what cannot be a metric's name.
        """
        match = self.pattern.search(series)
        if match is None:
            return None
        return checked_name(_REFERENCE.sub(lambda found: _expand(found, match), self.replacement))


def naming_of(matches: str, replacement: str) -> Naming:
    """`name.matches` and `name.as` with prometheus-adapter's defaults. Raises RuleError."""
    pattern = compile_pattern(matches or ".*", "name", "matches")
    if not replacement:
        if pattern.groups > 1:
            raise RuleError(
                'needed when name.matches has two or more groups; write for example "${1}_${2}"',
                *("name", "as"),
            )
        replacement = "$1" if pattern.groups == 1 else "$0"
    return Naming(pattern, replacement)


def checked_name(name: str) -> str:
    """`name` if it can stand as one path segment of the API. Raises RuleError."""
    if not name or name in (".", "..") or not name.isprintable() or any(c in name for c in "/%? "):
        raise RuleError(
            f"{name!r} cannot be a metric name; use letters, digits, underscores, dots, dashes "
            "and colons",
            *("name", "as"),
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
