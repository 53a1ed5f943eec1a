"""What a configuration comes to, in words: rule by rule, with a request and its PromQL."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from msgspec import structs

from adapter.core.configuration import Catalogue
from adapter.core.documents import ROOT
from adapter.core.planner_proof import why_single
from adapter.core.question import Policy
from adapter.core.rule_compiler import (
    SAMPLE_SERIES,
    sample_namespace,
    sample_selector,
)
from adapter.core.rule_options import DEFAULT_WORD
from adapter.core.rules import Rule
from adapter.core.upstream import Upstream
from adapter.core.wildcards import Wildcard
from kube.vocab.quantity import format_milli

_WIDTH: Final = 12
_KEYS: Final = {
    "cache_ttl": "cacheTTL",
    "stale_for": "staleFor",
    "max_series": "maxSeries",
    "min_series": "minSeries",
    "on_empty": "onEmpty",
    "on_error": "onError",
    "on_warnings": "onWarnings",
    "non_finite": "nonFinite",
}
_SECONDS: Final = ("cache_ttl", "stale_for", "timeout", "window")


def explained(catalogue: Catalogue) -> Iterator[str]:
    """Lines about everything in `catalogue`, in the order of names."""
    for name, upstream in sorted(catalogue.upstreams.items()):
        yield from _upstream(name, upstream)
        yield ""
    for _, rule in sorted(catalogue.rules.items()):
        yield from _rule(rule)
        yield ""
    for wildcard in catalogue.wildcards:
        yield from _wildcard(wildcard)
        yield ""
    yield (
        f"{_count(len(catalogue.rules), 'metric')} named by the file, "
        f"{_count(len(catalogue.wildcards), 'rule')} with names from series, "
        f"{_count(len(catalogue.upstreams), 'upstream')}"
    )


def _upstream(name: str, upstream: Upstream) -> Iterator[str]:
    yield f"upstream {name}"
    yield _line("address", f"{upstream.verb} {upstream.url}")
    files = {
        "authority": upstream.ca_file,
        "certificate": upstream.certificate_file,
        "token": upstream.token_file,
        "password": upstream.password_file,
    }
    for what, file in files.items():
        if file:
            yield _line(what, f"from {file}")
    for key, value in upstream.headers.items():
        yield _line("header", f"{key}: {value}")
    for key, value in upstream.params.items():
        yield _line("parameter", f"{key}={value}")
    yield _line("at a time", f"{upstream.max_concurrent}, {upstream.max_queued} more may wait")


def _rule(rule: Rule) -> Iterator[str]:
    yield f"metric {rule.name}"
    yield _line("written at", rule.place)
    yield _line("series", rule.series or "those that metricsQuery names")
    yield from _shared(rule, rule.name)


def _wildcard(wildcard: Wildcard) -> Iterator[str]:
    names = wildcard.naming
    yield f"metrics {names.replacement} of series matching {names.pattern.pattern}"
    yield _line("written at", wildcard.rule.place)
    yield _line("series", f"found by {wildcard.ask.selector}")
    for one in wildcard.filters:
        yield _line("filter", f"{'is' if one.wanted else 'isNot'} {one.pattern.pattern}")
    sample = structs.replace(wildcard.rule, series=SAMPLE_SERIES)
    yield from _shared(sample, "<metric>")


def _shared(rule: Rule, name: str) -> Iterator[str]:
    yield _line(
        "namespace",
        f'the label "{rule.namespace_label}"'
        if rule.namespace_label
        else "none: series of all namespaces answer every namespace",
    )
    if rule.namespaces is not None:
        yield _line("readable in", ", ".join(sorted(rule.namespaces)))
    yield _line("upstream", rule.upstream or f"{DEFAULT_WORD} (the command line's)")
    for header in rule.headers:
        yield _line("header", f"{header.name}: {header.value.text}")
    for key, parameter in sorted(rule.labels.parameters.items()):
        values = "any value" if parameter.values is None else ", ".join(sorted(parameter.values))
        yield _line("parameter", f"{key} for the label {parameter.label or key}: {values}")
    if rule.labels.keys != "error":
        yield _line("labelKeys", rule.labels.keys)
    for key, value in differing(rule.policy):
        yield _line(key, value)
    selector, namespace = sample_selector(rule), sample_namespace(rule)
    question = rule.question(selector, namespace)
    path = f"{ROOT}/namespaces/{namespace}/{name}?labelSelector={quote(str(selector), safe='')}"
    yield _line("a request", path)
    yield _line("asks", question.promql)
    alone = why_single(question)
    yield _line(
        "together",
        f"no: {alone}" if alone else "with requests that differ in these label values alone",
    )
    yield _line("its times", question.times or "the evaluation time (no timestampQuery)")


def differing(policy: Policy) -> Iterator[tuple[str, str]]:
    """What a rule says itself, by the keys of the file and in its words."""
    plain = structs.asdict(Policy())
    for field, value in structs.asdict(policy).items():
        if value == plain[field] or field == "error_milli":
            continue
        key = _KEYS.get(field, field)
        if field in _SECONDS:
            yield key, f"{value:g}s"
        elif value == "value":
            yield key, f"the value {format_milli(policy.error_milli)}"
        else:
            yield key, str(value)


def _line(what: str, value: str) -> str:
    return f"  {what:{_WIDTH}} {value}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
