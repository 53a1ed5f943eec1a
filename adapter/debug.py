"""`/debug/rules` and `/debug/query`: why a metric is what it is, for those who may see that.

They name rules, PromQL, upstreams by name and classes of failure: what the answers to autoscalers
leave out. Addresses, headers, tokens and label values of series are in neither
(external-metrics-api §16 row 23).
"""

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from adapter import answers
from adapter.answers import FailureError
from adapter.catalogue import Configured
from adapter.core import documents
from adapter.core.explain import differing
from adapter.core.parameters import Parameters
from adapter.core.question import Question
from adapter.core.results import UpstreamError
from adapter.core.routing import MetricRoute
from adapter.core.rule_options import DEFAULT_WORD
from adapter.core.rules import Rule
from adapter.metric_reads import MetricReads
from adapter.outcomes import Outcome
from adapter.values import Values
from kube.vocab.times import Clock

_USAGE: Final = "give namespace= and metric=, and labelSelector= where the autoscaler has one"


class _Rule(Struct, rename="camel", omit_defaults=True):
    """One rule in force."""

    metric: str
    place: str
    series: str
    namespace_label: str
    metrics_query: str
    timestamp_query: str | None
    upstream: str
    options: dict[str, str]
    found_by_series: bool
    last_result_age_seconds: float | None
    last_error: str | None = None
    last_error_age_seconds: float | None = None


class _Query(Struct, rename="camel", omit_defaults=True):
    """What one request comes to."""

    metric: str
    namespace: str
    label_selector: str
    rule: str
    promql: str
    timestamp_query: str | None
    upstream: str
    outcome: str
    source: str | None = None
    samples: int | None = None
    unavailable: str | None = None
    age_seconds: float | None = None


class Debug:
    """Answers both pages."""

    def __init__(
        self, configured: Configured, reads: MetricReads, values: Values, clock: Clock
    ) -> None:
        self._configured = configured
        self._reads = reads
        self._values = values
        self._clock = clock

    def rules(self) -> web.Response:
        """Every rule in force, in the order of names."""
        rules = sorted(self._configured.catalogue.rules.values(), key=lambda rule: rule.name)
        return _pretty({"rules": [self._rule(one) for one in rules]})

    def _rule(self, rule: Rule) -> _Rule:
        outcome: Outcome = self._values.outcomes.of(rule.name)
        return _Rule(
            metric=rule.name,
            place=rule.place,
            series=rule.series,
            namespace_label=rule.namespace_label,
            metrics_query=rule.template.text,
            timestamp_query=None if rule.times is None else rule.times.text,
            upstream=rule.upstream or DEFAULT_WORD,
            options=dict(differing(rule.policy)),
            found_by_series=self._configured.found_by_series(rule.name),
            last_result_age_seconds=outcome.result_age,
            last_error=outcome.error,
            last_error_age_seconds=outcome.error_age,
        )

    async def query(self, request: web.BaseRequest) -> web.Response:
        """What an autoscaler's request would come to now. Raises FailureError."""
        given = request.rel_url.query
        namespace, metric = given.get("namespace", ""), given.get("metric", "")
        selector = given.get("labelSelector", "")
        if not namespace or not metric:
            raise FailureError(400, "BadRequest", _USAGE)
        route, parameters = MetricRoute(namespace, metric), Parameters(selector=selector)
        rule, question, budget = self._reads.prepared(route, parameters)
        found = _query(rule, question, route, selector)
        try:
            reading = await self._values.read(rule, metric, question, budget)
        except UpstreamError as error:
            found.outcome = error.kind
            return _pretty(found)
        found.source = reading.source
        found.samples = len(msgspec.json.decode(reading.body(metric))["items"])
        found.unavailable = reading.absence or None
        found.age_seconds = round(self._clock.monotonic() - reading.asked_at, 3)
        return _pretty(found)


def _query(rule: Rule, question: Question, route: MetricRoute, selector: str) -> _Query:
    return _Query(
        metric=rule.name,
        namespace=route.namespace,
        label_selector=selector,
        rule=rule.place,
        promql=question.promql,
        timestamp_query=question.times or None,
        upstream=question.upstream or DEFAULT_WORD,
        outcome="success",
    )


def _pretty(document: Any) -> web.Response:
    return answers.json_response(documents.pretty(documents.encode(document)))
