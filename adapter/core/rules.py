"""One external rule: how the file spells it out and what it compiles to.

The format is prometheus-adapter's `externalRules` (external-metrics-api §12.1, E-20).
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from adapter.core import naming, promql
from adapter.core.planner_forms import with_form
from adapter.core.question import Policy, Question
from adapter.core.template_functions import Value
from adapter.core.template_tokens import TemplateError
from adapter.core.templates import Template, compile_template
from adapter.core.upstream import DEFAULT
from kube.vocab.selectors import Requirement, Selector

_QUERY_FIELDS: Final = frozenset(
    {"Series", "LabelMatchers", "LabelValuesByName", "GroupBy", "GroupBySlice"}
)
_RESOURCE_FIELDS: Final = frozenset({"Group", "Resource"})
_DEFAULT_NAMESPACE_LABEL: Final = "namespace"


class RuleError(ValueError):
    """A rule that cannot be served; the message names the key, the problem and the remedy."""


class SeriesFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """An unanchored expression that the series name must (`is`) or must not (`isNot`) match."""

    is_: str = field(default="", name="is")
    is_not: str = field(default="", name="isNot")


class GroupResource(Struct, frozen=True, forbid_unknown_fields=True):
    """The Kubernetes resource that a label stands for."""

    group: str = ""
    resource: str = ""


class ResourceMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """Which label holds the namespace, and whether it is matched at all."""

    overrides: dict[str, GroupResource] = {}
    template: str = ""
    namespaced: bool = True


class NameMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """From series name to metric name."""

    matches: str = ""
    as_: str = field(default="", name="as")


class ExternalRule(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """An element of `externalRules` as written."""

    series_query: str = ""
    series_filters: tuple[SeriesFilter, ...] = ()
    resources: ResourceMapping = ResourceMapping()
    name: NameMapping = NameMapping()
    metrics_query: str = ""


class Rule(Struct, frozen=True):
    """A rule ready to serve."""

    name: str
    """The metric's name as configured."""
    series: str
    """The series the template's `.Series` stands for; empty if the template does not use it."""
    namespace_label: str
    """The label that must equal the request's namespace; empty for `namespaced: false`."""
    template: Template
    upstream: str = DEFAULT
    """Name of the upstream that is asked."""
    policy: Policy = Policy()

    def question(self, selector: Selector, namespace: str) -> Question:
        """What to ask for one request. Raises as `query` does."""
        asked = Question(self.query(selector, namespace), self.upstream)
        return with_form(asked, selector, namespace, lambda *given: (self.query(*given), ""))

    def query(self, selector: Selector, namespace: str) -> str:
        """The PromQL for one request.

        Raises promql.UnservableSelectorError and TemplateError.
        """
        rendered = self.template.render(
            _fields(
                self.series,
                promql.matchers_of(selector, self.namespace_label, namespace),
                promql.label_values_of(selector, self.namespace_label, namespace),
            )
        )
        return promql.clean_commas(rendered).strip()


def compile_rule(written: ExternalRule) -> Rule:
    """Check `written` and compile it. Raises RuleError."""
    if not written.series_query:
        raise RuleError(
            "seriesQuery: missing; write the series, such as 'queue_depth{job=\"nsq\"}'"
        )
    try:
        series = naming.series_name(written.series_query)
        _check_filters(written.series_filters, series)
        name = naming.metric_name(series, written.name.matches, written.name.as_)
    except naming.NameRuleError as error:
        raise RuleError(str(error)) from error
    template = _query_template(written.metrics_query, series)
    rule = Rule(name, series or "", _namespace_label(written.resources), template)
    _check_sample(rule)
    return rule


def hints(rule: Rule) -> list[str]:
    """What a reader of the file should know although it is no error."""
    if rule.template.fields & {"GroupBy", "GroupBySlice"}:
        return ["metricsQuery: .GroupBy is always empty for external metrics"]
    return []


def _fields(series: str, matchers: str, values: Mapping[str, str]) -> dict[str, Value]:
    return {
        "Series": series,
        "LabelMatchers": matchers,
        "LabelValuesByName": values,
        "GroupBy": "",
        "GroupBySlice": (),
    }


def _check_filters(filters: tuple[SeriesFilter, ...], series: str | None) -> None:
    for index, one in enumerate(filters):
        place = f"seriesFilters[{index}]"
        if bool(one.is_) == bool(one.is_not):
            raise RuleError(f'{place}: give exactly one of "is" and "isNot"')
        pattern = naming.compile_pattern(one.is_ or one.is_not, place)
        if series is not None and bool(pattern.search(series)) != bool(one.is_):
            raise RuleError(
                f'{place}: it excludes the only series "{series}", so the rule would serve '
                "nothing; remove the filter or the rule"
            )


def _query_template(text: str, series: str | None) -> Template:
    if not text.strip():
        raise RuleError(
            "metricsQuery: missing; write for example 'sum(<<.Series>>{<<.LabelMatchers>>})'"
        )
    try:
        template = compile_template(text, _QUERY_FIELDS)
    except TemplateError as error:
        raise RuleError(f"metricsQuery: {error}") from error
    if "Series" in template.fields and (series is None or not naming.is_series_name(series)):
        raise RuleError(
            "metricsQuery: <<.Series>> has no value because seriesQuery does not name one series; "
            "name it there, or write the series in metricsQuery"
        )
    return template


def _namespace_label(resources: ResourceMapping) -> str:
    if not resources.namespaced:
        return ""
    label = _override_label(resources.overrides)
    if label is None and resources.template:
        label = _templated_label(resources.template)
    if label is None and resources.overrides:
        raise RuleError(
            "resources.overrides: no label stands for the namespace; add "
            '"namespace: {resource: namespace}" or set "namespaced: false"'
        )
    label = _DEFAULT_NAMESPACE_LABEL if label is None else label
    if not promql.is_label_name(label):
        raise RuleError(
            f'resources: "{label}" is not a Prometheus label name; use letters, digits and '
            "underscores"
        )
    return label


def _override_label(overrides: Mapping[str, GroupResource]) -> str | None:
    for label, target in overrides.items():
        if not target.resource:
            raise RuleError(f'resources.overrides.{label}: "resource" is missing; name one')
        if target.group in ("", "core") and target.resource in ("namespace", "namespaces"):
            return label
    return None


def _templated_label(text: str) -> str:
    try:
        template = compile_template(text, _RESOURCE_FIELDS)
        return template.render({"Group": "", "Resource": "namespace"})
    except TemplateError as error:
        raise RuleError(f"resources.template: {error}") from error


def _check_sample(rule: Rule) -> None:
    """Render with a typical selector and parse the result, so that no request fails for it."""
    keys = [key for key in sorted(rule.template.keys) if key != rule.namespace_label]
    labels = keys or ["label"]
    sample = Selector(tuple(Requirement(key, "=", ("sample",)) for key in labels))
    try:
        query = rule.query(sample, "default")
    except (TemplateError, promql.UnservableSelectorError) as error:
        raise RuleError(f"metricsQuery: {error}") from error
    try:
        promql.check_query(query)
    except promql.QueryError as error:
        raise RuleError(
            f"metricsQuery: {error}; the rule renders to `{query}`, correct it until that is PromQL"
        ) from error
