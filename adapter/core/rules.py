"""A rule ready to serve: from a selector and a namespace to what Prometheus is asked."""

from collections.abc import Mapping

from msgspec import Struct

from adapter.core.headers import HeaderTemplate
from adapter.core.label_rules import LabelRules
from adapter.core.planner_forms import with_form
from adapter.core.promql import clean_commas, label_values_of, matchers_of
from adapter.core.question import Policy, Question
from adapter.core.template_functions import Value
from adapter.core.templates import Template
from adapter.core.upstream import DEFAULT
from kube.vocab.selectors import Selector


class NamespaceRefusedError(Exception):
    """The rule's list of namespaces does not have the one that asks."""


class Rule(Struct, frozen=True):
    """One external metric."""

    name: str
    """The metric's name as configured."""
    series: str
    """The series the template's `.Series` stands for; empty if the template does not use it."""
    namespace_label: str
    """The label that must equal the request's namespace; empty for `namespaced: false`."""
    template: Template
    times: Template | None = None
    """Asks for the instants of the samples; None where the evaluation time has to do."""
    upstream: str = DEFAULT
    """Name of the upstream that is asked."""
    headers: tuple[HeaderTemplate, ...] = ()
    labels: LabelRules = LabelRules()
    namespaces: frozenset[str] | None = None
    """Who may ask; None for everybody."""
    policy: Policy = Policy()
    place: str = ""
    """Where the file has it: `rules.yaml:4: externalRules[0]`."""

    def question(self, selector: Selector, namespace: str) -> Question:
        """What to ask for one request.

        Raises NamespaceRefusedError, UnservableSelectorError and TemplateError.
        """
        if self.namespaces is not None and namespace not in self.namespaces:
            raise NamespaceRefusedError(namespace)
        selector = self.labels.applied(selector)
        promql, times = self._render(selector, namespace)
        headers = tuple(header.render(namespace) for header in self.headers)
        asked = Question(promql, self.upstream, headers, times, max_series=self.policy.max_series)
        return with_form(asked, selector, namespace, self._render)

    def query(self, selector: Selector, namespace: str) -> str:
        """The PromQL for one request, whoever may make it.

        Raises UnservableSelectorError and TemplateError.
        """
        return self._render(self.labels.applied(selector), namespace)[0]

    def _render(self, selector: Selector, namespace: str) -> tuple[str, str]:
        """The query and the one for sample times; the selector is in Prometheus' terms."""
        matchers = matchers_of(
            selector, self.namespace_label, namespace, quote_keys=self.labels.quoted
        )
        fields: Mapping[str, Value] = {
            "Series": self.series,
            "LabelMatchers": matchers,
            "LabelValuesByName": label_values_of(selector, self.namespace_label, namespace),
            "GroupBy": "",
            "GroupBySlice": (),
        }
        times = _rendered(self.times, fields) if self.times is not None else ""
        return _rendered(self.template, fields), times


def _rendered(template: Template, fields: Mapping[str, Value]) -> str:
    return clean_commas(template.render(fields)).strip()
