"""From a rule as written to one that can serve; everything that can be checked is checked here.

The format is prometheus-adapter's `externalRules` (external-metrics-api §12.1, E-20).
"""

from collections.abc import Collection, Mapping
from typing import Final

from msgspec import structs

from adapter.core import naming, promql
from adapter.core.file_format import ExternalRule, GroupResource, ResourceMapping, SeriesFilter
from adapter.core.problems import RuleError
from adapter.core.rule_options import Options, compile_options
from adapter.core.rules import Rule
from adapter.core.template_tokens import TemplateError
from adapter.core.templates import Template, compile_template
from adapter.core.wildcards import Filter, SeriesAsk, Wildcard
from kube.vocab.selectors import Requirement, Selector

_QUERY_FIELDS: Final = frozenset(
    {"Series", "LabelMatchers", "LabelValuesByName", "GroupBy", "GroupBySlice"}
)
_RESOURCE_FIELDS: Final = frozenset({"Group", "Resource"})
_DEFAULT_NAMESPACE_LABEL: Final = "namespace"
SAMPLE_SERIES: Final = "series"


def compile_rule(
    written: ExternalRule, upstreams: Collection[str] = (), place: str = ""
) -> Rule | Wildcard:
    """Check `written`, which stands at `place` and may ask `upstreams`, and compile it.

    Raises RuleError.
    """
    if not written.series_query:
        raise RuleError(
            "missing; write the series, such as 'queue_depth{job=\"nsq\"}'", "seriesQuery"
        )
    series = naming.series_name(written.series_query)
    filters = _filters(written.series_filters, series)
    names = naming.naming_of(written.name.matches, written.name.as_)
    options = compile_options(written, upstreams)
    template = _query_template(written.metrics_query, "metricsQuery")
    times = None
    if written.timestamp_query:
        times = _query_template(written.timestamp_query, "timestampQuery")
    rule = Rule(
        "",
        series or "",
        _namespace_label(written.resources),
        template,
        times,
        options.upstream,
        options.headers,
        options.labels,
        options.namespaces,
        options.policy,
        place,
    )
    uses_series = "Series" in template.fields or (times is not None and "Series" in times.fields)
    if series is None and (uses_series or not names.literal):
        return _wildcard(written.series_query, filters, names, rule, options)
    name = _literal_name(names, series)
    if uses_series and not naming.is_series_name(series or ""):
        raise RuleError(
            f'"{series}" cannot be written in PromQL as <<.Series>>; name a series of letters, '
            "digits, underscores and colons",
            "seriesQuery",
        )
    rule = structs.replace(rule, name=name)
    check_sample(rule)
    return rule


def sample_selector(rule: Rule) -> Selector:
    """A selector such as callers of `rule` may send: every label that its template looks up."""
    by_label = {one.label or name: name for name, one in rule.labels.parameters.items()}
    keys = [key for key in sorted(rule.template.keys) if key != rule.namespace_label]
    requirements = []
    for label in keys or sorted(by_label) or ["label"]:
        key = by_label.get(label, label)
        parameter = rule.labels.parameters.get(key)
        value = min(parameter.values) if parameter is not None and parameter.values else "sample"
        requirements.append(Requirement(key, "=", (value,)))
    return Selector(tuple(requirements))


def sample_namespace(rule: Rule) -> str:
    """A namespace that may read `rule`."""
    return "default" if rule.namespaces is None else min(rule.namespaces)


def check_sample(rule: Rule) -> None:
    """Render with a typical selector and parse the result, so that no request fails for it.

    Raises RuleError.
    """
    selector, namespace = sample_selector(rule), sample_namespace(rule)
    try:
        question = rule.question(selector, namespace)
    except (TemplateError, promql.UnservableSelectorError) as error:
        raise RuleError(str(error), "metricsQuery") from error
    _check_query(question.promql, "metricsQuery")
    if question.times:
        _check_query(question.times, "timestampQuery")


def hints(rule: Rule) -> list[str]:
    """What a reader of the file should know although it is no error."""
    if rule.template.fields & {"GroupBy", "GroupBySlice"}:
        return ["metricsQuery: .GroupBy is always empty for external metrics"]
    return []


def _wildcard(
    selector: str,
    filters: tuple[Filter, ...],
    names: naming.Naming,
    rule: Rule,
    options: Options,
) -> Wildcard:
    for header in options.headers:
        if header.varies:
            raise RuleError(
                "names of series cannot be asked for with a header that depends on the namespace; "
                "write one literal series name in seriesQuery",
                *("headers", header.name),
            )
    check_sample(structs.replace(rule, name=SAMPLE_SERIES, series=SAMPLE_SERIES))
    headers = tuple(header.render("") for header in options.headers)
    return Wildcard(SeriesAsk(selector, options.upstream, headers), filters, names, rule)


def _literal_name(names: naming.Naming, series: str | None) -> str:
    if series is None:
        return naming.checked_name(names.replacement)
    name = names.name_of(series)
    if name is None:
        raise RuleError(
            f'{names.pattern.pattern!r} does not match the series "{series}", so the rule would '
            "serve nothing; correct the expression",
            *("name", "matches"),
        )
    return name


def _filters(written: Collection[SeriesFilter], series: str | None) -> tuple[Filter, ...]:
    found = []
    for index, one in enumerate(written):
        if bool(one.is_) == bool(one.is_not):
            raise RuleError('give exactly one of "is" and "isNot"', "seriesFilters", index)
        pattern = naming.compile_pattern(one.is_ or one.is_not, "seriesFilters", index)
        found.append(Filter(pattern, wanted=bool(one.is_)))
        if series is not None and not found[-1].passes(series):
            raise RuleError(
                f'it excludes the only series "{series}", so the rule would serve nothing; remove '
                "the filter or the rule",
                *("seriesFilters", index),
            )
    return tuple(found)


def _query_template(text: str, key: str) -> Template:
    if not text.strip():
        raise RuleError("missing; write for example 'sum(<<.Series>>{<<.LabelMatchers>>})'", key)
    try:
        return compile_template(text, _QUERY_FIELDS)
    except TemplateError as error:
        raise RuleError(str(error), key) from error


def _check_query(query: str, key: str) -> None:
    try:
        promql.check_query(query)
    except promql.QueryError as error:
        raise RuleError(
            f"{error}; the rule renders to `{query}`, correct it until that is PromQL", key
        ) from error


def _namespace_label(resources: ResourceMapping) -> str:
    if not resources.namespaced:
        return ""
    label = _override_label(resources.overrides)
    if label is None and resources.template:
        label = _templated_label(resources.template)
    if label is None and resources.overrides:
        raise RuleError(
            "no label stands for the namespace; add "
            '"namespace: {resource: namespace}" or set "namespaced: false"',
            *("resources", "overrides"),
        )
    label = _DEFAULT_NAMESPACE_LABEL if label is None else label
    if not promql.is_label_name(label):
        raise RuleError(
            f'"{label}" is not a Prometheus label name; use letters, digits and underscores',
            "resources",
        )
    return label


def _override_label(overrides: Mapping[str, GroupResource]) -> str | None:
    for label, target in overrides.items():
        if not target.resource:
            raise RuleError('"resource" is missing; name one', "resources", "overrides", label)
        if target.group in ("", "core") and target.resource in ("namespace", "namespaces"):
            return label
    return None


def _templated_label(text: str) -> str:
    try:
        template = compile_template(text, _RESOURCE_FIELDS)
        return template.render({"Group": "", "Resource": "namespace"})
    except TemplateError as error:
        raise RuleError(str(error), "resources", "template") from error
