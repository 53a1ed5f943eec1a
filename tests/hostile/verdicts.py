"""What must be true of any answer, and of any query that a request leads to."""

import json
import re
from typing import Any, Final

import promql_parser

from kube.vocab.selectors import parse_selector
from tests.integration.adapter.kit.server import Answer

_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_VALUE: Final = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_PLAIN: Final = ("/healthz", "/livez", "/readyz", "/metrics")
_EXPECTED: Final = {200, 304, 400, 401, 403, 404, 405, 406, 417}


def check_answer(answer: Answer, *secrets: str) -> None:
    """A document of the API, or a Status that is whole; nothing of what lies behind it."""
    assert answer.status in _EXPECTED, (answer.status, answer.body[:300])
    assert "Retry-After" not in answer.headers
    everything = f"{dict(answer.headers)}{answer.body.decode()}"
    for secret in ("Traceback", "aiohttp", "/site-packages/", *secrets):
        assert secret not in everything, secret
    if not answer.body:
        return
    if answer.headers["Content-Type"].startswith("text/plain"):
        assert answer.status in (200, 404)
        return
    document = json.loads(answer.body)
    if answer.status == 404 and "paths" in document:
        return
    if answer.status != 200:
        _check_status(answer.status, document)
    elif document.get("kind") == "ExternalMetricValueList":
        _check_list(document)


def _check_status(code: int, document: Any) -> None:
    assert document["kind"] == "Status"
    assert document["apiVersion"] == "v1"
    assert document["status"] == "Failure"
    assert document["code"] == code
    assert document["reason"]
    assert document["message"]


def _check_list(document: Any) -> None:
    assert document["metadata"] == {}
    for item in document["items"]:
        assert set(item) <= {"metricName", "metricLabels", "timestamp", "value", "window"}
        assert isinstance(item["metricLabels"], dict)


def check_query(query: str) -> None:
    """The rule's expression, in which all that came from outside is the value of a matcher."""
    expression = promql_parser.parse(query)
    assert isinstance(expression, promql_parser.AggregateExpr), query
    assert (str(expression.op), str(expression.modifier)) == ("sum", "by (queue)")
    series = expression.expr
    assert isinstance(series, promql_parser.VectorSelector), query
    assert series.name == "queue_depth"
    assert series.offset is None
    assert series.at is None
    assert not series.matchers.or_matchers
    *given, namespace = series.matchers.matchers
    assert (namespace.name, namespace.op) == ("namespace", promql_parser.MatchOp.Equal)
    for matcher in given:
        assert _LABEL.fullmatch(matcher.name), query
        exact = matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.NotEqual)
        alternatives = [matcher.value] if exact else matcher.value.replace("\\.", ".").split("|")
        assert all(_VALUE.fullmatch(one) for one in alternatives), query
        if not exact:
            # A dot that is not escaped would match any character.
            assert "." not in matcher.value.replace("\\.", "")


def means(query: str, selector: str) -> bool:
    """Whether the matchers of `query` are those of `selector`, no fewer and no more."""
    expression = promql_parser.parse(query)
    assert isinstance(expression, promql_parser.AggregateExpr)
    assert isinstance(expression.expr, promql_parser.VectorSelector)
    *given, _ = expression.expr.matchers.matchers
    return [one.key for one in parse_selector(selector).requirements] == [one.name for one in given]
