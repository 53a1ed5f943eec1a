"""The one real request: the values of a metric in a namespace (external-metrics-api §2, §6)."""

from typing import Final

from aiohttp import web
from cachetools import LRUCache
from msgspec import Struct

from adapter import answers
from adapter.answers import FailureError
from adapter.catalogue import Configured
from adapter.core import parameters as query_parameters
from adapter.core.configuration import Catalogue
from adapter.core.documents import GROUP
from adapter.core.parameters import BadParameterError, Parameters
from adapter.core.promql import UnservableSelectorError
from adapter.core.question import Question
from adapter.core.results import Failure, UpstreamError
from adapter.core.routing import MetricRoute
from adapter.core.rules import NamespaceRefusedError, Rule
from adapter.core.template_tokens import TemplateError
from adapter.values import Values
from kube.service.logs import get_logger
from kube.vocab.objects import StatusDetails

_log = get_logger("metrics")

_PREPARED: Final = 16384
_CODES: Final[dict[Failure, tuple[int, str]]] = {
    "timeout": (504, "Timeout"),
    "unavailable": (503, "ServiceUnavailable"),
}
_OTHERWISE: Final = (500, "InternalError")

SOURCE: Final = web.ResponseKey("source", str)
"""Under this key a response has where its value came from."""

REQUEST_LIMIT: Final = 60.0
"""Seconds no request may exceed, whatever it asks for."""


class _Prepared(Struct, frozen=True):
    """What a request comes down to."""

    rule: Rule
    question: Question


class MetricReads:
    """Answers metric requests."""

    def __init__(self, configured: Configured, values: Values, *, budget: float) -> None:
        """`budget` seconds a request may wait for Prometheus."""
        self._configured = configured
        self._values = values
        self._budget = min(budget, REQUEST_LIMIT)
        self._catalogue = configured.catalogue
        self._prepared: LRUCache[tuple[MetricRoute, Parameters], _Prepared] = LRUCache(_PREPARED)

    async def answer(
        self, request: web.BaseRequest, route: MetricRoute, parameters: Parameters
    ) -> web.Response:
        """The list of values. Raises FailureError."""
        if request.method != "GET":
            raise answers.method_not_allowed()
        if parameters.watch:
            raise FailureError(
                405,
                "MethodNotAllowed",
                f'watch is not supported on resources of kind "*.{GROUP}"',
                StatusDetails(group=GROUP, kind="*"),
            )
        answers.require_json(request)
        rule, question, budget = self.prepared(route, parameters)
        try:
            reading = await self._values.read(rule, route.metric, question, budget)
        except UpstreamError as error:
            code, reason = _CODES.get(error.kind, _OTHERWISE)
            about = f"{error.kind} (metric {rule.name})"
            message = f"unable to fetch metrics from Prometheus: {about}"
            raise FailureError(code, reason, message) from error
        response = answers.json_response(reading.body(route.metric))
        if reading.absence:
            # For readers who must tell "no series" from "not a number"; others see an empty list.
            response.headers["X-Metric-Unavailable"] = reading.absence
        if reading.age is not None:
            # Past its time: Prometheus fails or is slow (RFC 9111 §5.1).
            response.headers["Age"] = str(reading.age)
        response[SOURCE] = reading.source
        return response

    def prepared(self, route: MetricRoute, parameters: Parameters) -> tuple[Rule, Question, float]:
        """What a request comes down to, and the seconds it may take. Raises FailureError."""
        catalogue = self._configured.catalogue
        if catalogue is not self._catalogue:
            self._catalogue = catalogue
            self._prepared.clear()
        try:
            budget = query_parameters.budget_of(parameters, self._budget)
            key = (route, parameters)
            prepared = self._prepared.get(key)
            if prepared is None:
                query_parameters.check_parameters(parameters)
                rule = _rule_of(catalogue, route)
                prepared = _Prepared(rule, _question(rule, route, parameters))
                if len(parameters.selector) <= query_parameters.REMEMBERED:
                    self._prepared[key] = prepared
        except (BadParameterError, UnservableSelectorError) as error:
            raise FailureError(400, "BadRequest", str(error)) from error
        timeout = prepared.rule.policy.timeout
        if timeout is not None:
            budget = query_parameters.budget_of(parameters, min(timeout, REQUEST_LIMIT))
        return prepared.rule, prepared.question, budget


def _rule_of(catalogue: Catalogue, route: MetricRoute) -> Rule:
    rule = catalogue.find(route.metric)
    if rule is None:
        raise FailureError(
            404, "NotFound", f"the server could not find the metric {route.metric} for "
        )
    return rule


def _question(rule: Rule, route: MetricRoute, parameters: Parameters) -> Question:
    selector = query_parameters.selector_of(parameters)
    try:
        return rule.question(selector, route.namespace)
    except NamespaceRefusedError as error:
        raise FailureError(
            403,
            "Forbidden",
            f'the metric {rule.name} is not served in the namespace "{route.namespace[:80]}": its '
            "rule lists the namespaces that may read it",
            StatusDetails(group=GROUP, kind=route.metric),
        ) from error
    except TemplateError as error:
        _log.error("the rule cannot build this query", metric=rule.name, error=str(error))
        raise FailureError(
            500, "InternalError", f"the rule of metric {rule.name} cannot build a query for this"
        ) from error
