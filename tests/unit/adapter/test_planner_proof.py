"""Which queries are asked together, as what, and why others are not."""

import pytest

from adapter.core.planner_proof import shape_of, why_single
from adapter.core.planner_shape import Alone, Shape
from adapter.core.question import Question

FIXED = 'queue="asked-0-value",namespace="asked-1-value"'
BOTH = 'queue=~"a\\\\.b|c",namespace=~"n"'


def shaped(query: str) -> Shape | Alone:
    return shape_of(query.replace("§", FIXED))


@pytest.mark.parametrize(
    ("query", "together", "hidden"),
    [
        ("m{§}", "m{§}", ""),
        ("sum(m{§})", "sum by (namespace, queue) (m{§})", "namespace queue"),
        ("sum(m{§}) by (queue)", "sum by (queue, namespace) (m{§})", "namespace"),
        ("max without (queue, pod) (m{§})", "max without (pod) (m{§})", "queue"),
        (
            "sum by (queue) (sum by (pod) (m{§}))",
            "sum by (queue, namespace) (sum by (pod, namespace, queue) (m{§}))",
            "namespace queue",
        ),
        (
            'avg(rate(m{§,pod=~"a\\"|b"}[5m] offset -90s)) / 2',
            'avg by (namespace, queue) (rate(m{§,pod=~"a\\"|b"}[300000ms] offset -90000ms)) / 2.0',
            "namespace queue",
        ),
        ("-m{§} @ 1600000000.123", "-m{§} @ 1600000000.123", ""),
        ("m{§} @ start() > bool 1e3", "m{§} @ start() > bool 1000.0", ""),
        ("2 ^ (time() - m{§})", "2.0 ^ (time() - m{§})", ""),
        (
            "quantile(0.9, m{§})",
            "quantile by (namespace, queue) (0.9, m{§})",
            "namespace queue",
        ),
        ("clamp(m{§}, -1, pi())", "clamp(m{§}, -1.0, pi())", ""),
        (
            "sum by (pod) (a{§}) / on (pod) group_left (zone) b{§}",
            "sum by (pod, namespace, queue) (a{§})"
            " / on (pod, namespace, queue) group_left (zone) b{§}",
            "namespace queue",
        ),
        ("a{§} unless ignoring (queue) b{§}", "a{§} unless ignoring () b{§}", ""),
        ("a{§} + on (pod) b{§}", "a{§} + on (pod, namespace, queue) b{§}", "namespace queue"),
        ("sum(m{§}) or vector(0)", "sum by (namespace, queue) (m{§}) or vector(0.0)", "*"),
        ("(sum(m{§}) or on() vector(1))", "sum by (namespace, queue) (m{§}) or vector(1.0)", "*"),
    ],
)
def test_asked_together(query, together, hidden):
    shape = shaped(query)
    assert isinstance(shape, Shape), shape
    assert shape.promql([("c", "n"), ("a.b", "n")]) == together.replace("§", BOTH)
    assert shape.hidden == frozenset(("namespace queue" if hidden == "*" else hidden).split())


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("topk(1, m{§})", "aggregation"),
        ('count_values("x", m{§})', "aggregation"),
        ("absent(m{§})", "function"),
        ("absent_over_time(m{§}[5m])", "function"),
        ("histogram_quantile(0.9, sum by (le) (rate(m{§}[5m])))", "function"),
        ('label_replace(m{§}, "x", "$1", "pod", "(.*)")', "function"),
        ("sort(m{§})", "function"),
        ("scalar(m{§})", "function"),
        ("hour()", "function"),
        ("m{§} + vector(1)", "function"),
        ("sum(m{§} or vector(0))", "function"),
        ("m{§} or on (queue) vector(0)", "function"),
        ("max_over_time(sum(m{§})[5m:1m])", "subquery"),
        ("m{§} * Inf", "number"),
        ("a{§} / b", "selector"),
        ('a{§} / b{queue="asked-0-value"}', "selector"),
        ('a{queue=~"asked-0-value"}', "selector"),
        ('a{queue!="asked-0-value"}', "selector"),
        ('a{§,pod=~"asked-0-value-.*"}', "selector"),
        ('a{queue="asked-0-value",queue="asked-1-value"}', "selector"),
        ('{__name__="asked-0-value"}', "selector"),
        ('a{§ or zone="x"}', "selector"),
        ("1 + 1 # asked-0-value", "selector"),
        ("m{§} # asked-2-value", "selector"),
        # Alone, neither side has a partner.
        ("sum by (queue) (a{§}) / sum(b{§})", "operator"),
        ("sum by (queue) (a{§}) or sum(b{§})", "operator"),
        ("a{§} * on (pod) group_left (queue) b{§}", "operator"),
        ("sum(m{§}", "syntax"),
        ("", "no form"),
    ],
)
def test_asked_alone(query, reason):
    shape = shaped(query)
    assert isinstance(shape, Alone), shape
    assert shape.reason == reason
    assert shape.detail


def test_values_are_literal_in_patterns():
    shape = shaped("m{§}")
    assert isinstance(shape, Shape)
    query = shape.promql([("a.b", "n"), ("a-b", "n"), ("A_b", "m.")])
    assert query == 'm{queue=~"A_b|a-b|a\\\\.b",namespace=~"m\\\\.|n"}'


def test_why_single_is_for_authors_of_rules():
    form = f"topk(1, m{{{FIXED}}})"
    assert "topk" in why_single(Question("topk(1, m)", form=form))
    values = f"sum(m{{{FIXED}}})"
    assert why_single(Question("sum(m)", form=values)) == ""
    assert why_single(Question("sum(m)", form=values, times="max(m)", times_form="")) != ""
