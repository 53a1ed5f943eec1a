"""The optional keys of a rule, checked and compiled (external-metrics-api §16, §17)."""

from collections.abc import Collection
from decimal import Decimal
from typing import Final

from msgspec import Struct

from adapter.core.file_format import Duration, FixedValue, RuleOptions
from adapter.core.headers import HeaderTemplate, header_templates
from adapter.core.label_rules import LabelRules, label_rules
from adapter.core.namespaces import is_namespace
from adapter.core.problems import RuleError
from adapter.core.question import Policy
from adapter.core.results import MAX_MILLI
from adapter.core.suggestions import suggestion
from adapter.core.upstream import DEFAULT
from kube.vocab.quantity import QuantityError, parse_milli
from kube.vocab.times import SECOND, parse_duration

DEFAULT_WORD: Final = "default"
"""How the file spells the upstream that the command line describes."""


class Options(Struct, frozen=True):
    """What the optional keys of one rule come to."""

    upstream: str
    policy: Policy
    headers: tuple[HeaderTemplate, ...]
    labels: LabelRules
    namespaces: frozenset[str] | None


def compile_options(written: RuleOptions, upstreams: Collection[str]) -> Options:
    """Check `written`, which may ask `upstreams`. Raises RuleError."""
    return Options(
        _upstream(written.upstream, upstreams),
        _policy(written),
        header_templates(written.headers),
        label_rules(written.label_keys, written.params),
        _namespaces(written.namespaces),
    )


def _upstream(name: str, known: Collection[str]) -> str:
    if name == DEFAULT_WORD:
        return DEFAULT
    if name not in known:
        raise RuleError(
            f'"{name}" is not among the upstreams of this file'
            f"{suggestion(name, (*known, DEFAULT_WORD))}; add it under upstreams or write "
            f'"{DEFAULT_WORD}" for the one that the command line describes',
            "upstream",
        )
    return name


def _policy(written: RuleOptions) -> Policy:
    fixed = written.on_error if isinstance(written.on_error, FixedValue) else None
    window = _seconds(written.window, "window", 1)
    if window is not None and window != int(window):
        raise RuleError("callers are told whole seconds; write such a time", "window")
    return Policy(
        cache_ttl=_seconds(written.cache_ttl, "cacheTTL", 0),
        stale_for=_seconds(written.stale_for, "staleFor", 0),
        timeout=_seconds(written.timeout, "timeout", 0.001),
        max_series=written.max_series,
        min_series=_min_series(written),
        window=None if window is None else int(window),
        expect=written.expect,
        on_empty=written.on_empty,
        on_error="value" if isinstance(written.on_error, FixedValue) else written.on_error,
        error_milli=0 if fixed is None else _milli(fixed),
        on_warnings=written.on_warnings,
        non_finite=written.non_finite,
    )


def _seconds(written: Duration | None, key: str, least: float) -> float | None:
    if written is None:
        return None
    try:
        found = parse_duration(str(written)) / SECOND
    except ValueError as error:
        raise RuleError(f"{error}; write such a time", key) from error
    if found < least:
        raise RuleError(f"{written} is too short; write at least {least:g}s", key)
    return found


def _min_series(written: RuleOptions) -> int | None:
    least = written.min_series
    if least is None:
        return None
    most = 1 if written.expect == "one" else written.max_series
    if most is not None and least > most:
        why = "expect: one" if written.expect == "one" else f"maxSeries: {most}"
        raise RuleError(f"no answer can have {least} series beside {why}; change one", "minSeries")
    if written.on_empty == "zero":
        raise RuleError(
            "an answer without series is refused as a partial one, so onEmpty: zero can never "
            "happen; remove one of the two keys",
            "minSeries",
        )
    return least


def _milli(fixed: FixedValue) -> int:
    # The shortest decimal text of a float is what the file says.
    text = format(Decimal(str(fixed.value)), "f") if isinstance(fixed.value, float) else fixed.value
    try:
        milli = parse_milli(text)
    except QuantityError as error:
        raise RuleError(str(error), "onError", "value") from error
    if abs(milli) > MAX_MILLI:
        raise RuleError("consumers cannot count that far; write a smaller one", "onError", "value")
    return milli


def _namespaces(written: list[str] | None) -> frozenset[str] | None:
    if written is None:
        return None
    if not written:
        raise RuleError(
            "no namespace is listed, so nobody could read it; list some or remove the key",
            "namespaces",
        )
    for index, name in enumerate(written):
        if not is_namespace(name):
            raise RuleError(
                f'"{name}" is not the name of a namespace; write whole names, not patterns',
                *("namespaces", index),
            )
    return frozenset(written)
