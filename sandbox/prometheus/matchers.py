"""Label matchers of a selector.

Prometheus matches with RE2, Python with another engine. Only patterns that mean the same to both
are taken; any other is refused rather than perhaps matched wrongly.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import promql_parser as promql

from sandbox.prometheus.values import NAME, Unsupported

_COMMON: Final = re.compile(
    r"""(?:
        [\w :/@%~='",<>&;\#!-]            # literals
      | \\[.\\+*?()|\[\]{}^$/-]           # escaped punctuation
      | \[\^?[\w.:/ -]+\]                 # plain character sets
      | \((?:\?:)? | \) | \| | \. | [*+?] # groups, alternatives, any, repetition
    )*""",
    re.ASCII | re.VERBOSE,
)
_POSSESSIVE: Final = re.compile(r"[*+?]\+|\*\*|[+?]\*|\?\?\?")

Predicate = Callable[[str], bool]


def selector_matches(selector: promql.VectorSelector) -> Callable[[dict[str, str]], bool]:
    """Whether a series' labels are selected. Raises Unsupported."""
    if selector.matchers.or_matchers:
        raise Unsupported("`or` between matchers")
    tests = [(m.name, _test(m.op, m.value)) for m in selector.matchers.matchers]
    if selector.name is not None:
        tests.append((NAME, selector.name.__eq__))
    return lambda labels: all(test(labels.get(name, "")) for name, test in tests)


def _test(op: promql.MatchOp, value: str) -> Predicate:
    if op == promql.MatchOp.Equal:
        return lambda text: text == value
    if op == promql.MatchOp.NotEqual:
        return lambda text: text != value
    pattern = _compiled(value)
    if op == promql.MatchOp.Re:
        return lambda text: pattern.fullmatch(text) is not None
    return lambda text: pattern.fullmatch(text) is None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    if not _COMMON.fullmatch(pattern) or _POSSESSIVE.search(pattern):
        raise Unsupported(f"the regular expression {pattern!r}")
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise Unsupported(f"the regular expression {pattern!r} ({error})") from error
