"""Selectors as PromQL: the table of the reference, escaping, comma cleaning, sample checks."""

import re

import promql_parser
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapter.core import promql
from adapter.core.promql import UnservableSelectorError
from kube.vocab.selectors import Operator, Requirement, Selector, parse_selector

LETTERS = "abcXYZ019"
values = st.text(LETTERS + "._-", max_size=12).filter(
    lambda text: not text or (text[0] in LETTERS and text[-1] in LETTERS)
)
keys = st.from_regex(r"[a-z]([a-z0-9_]{0,8}[a-z0-9])?", fullmatch=True)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    operator: Operator = draw(st.sampled_from(["=", "==", "!=", "in", "notin", "exists", "!"]))
    count = {"in": st.integers(1, 4), "notin": st.integers(1, 4), "exists": st.just(0)}.get(
        operator, st.just(0 if operator == "!" else 1)
    )
    amount = draw(count)
    found = draw(st.lists(values, min_size=amount, max_size=amount, unique=True))
    return Requirement(draw(keys), operator, tuple(sorted(found)))


@pytest.mark.parametrize(
    ("selector", "matchers"),
    [
        ("", ""),
        ("a=b", 'a="b",'),
        ("a==b", 'a="b",'),
        ("a!=b", 'a!="b",'),
        ("a=", 'a="",'),
        ("a!=", 'a!="",'),
        ("a in (b)", 'a="b",'),
        ("a in (c,b)", 'a=~"b|c",'),
        ("a notin (b)", 'a!="b",'),
        ("a notin (b,c)", 'a!~"b|c",'),
        ("a in ()", 'a="",'),
        ("a in (b,)", 'a=~"|b",'),
        ("a notin ()", 'a!="",'),
        ("a", 'a!="",'),
        ("!a", 'a="",'),
        ("c=d,a=b", 'a="b",c="d",'),
        ("a=b,a=c", 'a="b",a="c",'),
        ("namespace=kube-system", 'namespace="kube-system",'),
        ("a in (b.c,d)", 'a=~"b\\\\.c|d",'),
        ("a in (b.c)", 'a="b.c",'),
    ],
)
def test_operators_by_number_of_values(selector, matchers):
    found = promql.matchers_of(parse_selector(selector), "namespace", "default")
    assert found == matchers + 'namespace="default"'
    bare = promql.matchers_of(parse_selector(selector), "", "default")
    assert bare == matchers.removesuffix(",")


@pytest.mark.parametrize("selector", ["a>1", "a<1", "app.kubernetes.io/name=x", "a-b", "1a=x"])
def test_what_has_no_counterpart(selector):
    with pytest.raises(UnservableSelectorError):
        promql.matchers_of(parse_selector(selector), "namespace", "default")


@given(st.lists(requirements(), max_size=5), st.text(max_size=20))
def test_matchers_always_parse_and_mean_what_was_asked(found, namespace):
    assume(namespace.isprintable())
    matchers = promql.matchers_of(Selector(tuple(found)), "namespace", namespace)
    expression = promql_parser.parse(f"m{{{matchers}}}")
    assert isinstance(expression, promql_parser.VectorSelector)
    parsed = expression.matchers.matchers
    assert len(parsed) == len(found) + 1
    assert (parsed[-1].name, parsed[-1].value) == ("namespace", namespace)
    for matcher, requirement in zip(parsed, found, strict=False):
        assert matcher.name == requirement.key
        if len(requirement.values) == 1:
            assert matcher.value == requirement.values[0]


@given(st.text(max_size=30))
def test_a_namespace_cannot_leave_its_quotes(namespace):
    assume(namespace.isprintable())
    found = promql.label_values_of(Selector(), "namespace", namespace)["namespace"]
    expression = promql_parser.parse(f'm{{namespace=~"{found}"}}')
    assert isinstance(expression, promql_parser.VectorSelector)
    (matcher,) = expression.matchers.matchers
    assert re.fullmatch(str(matcher.value), namespace)


@pytest.mark.parametrize(
    ("query", "cleaned"),
    [
        ('m{,a="b"}', 'm{a="b"}'),
        ('m{ , a="b"}', 'm{  a="b"}'),
        ('m{a="b",,c="d"}', 'm{a="b",c="d"}'),
        ('m{a="{,"}', 'm{a="{,"}'),
        ("m{a='\\',,{'}", "m{a='\\',,{'}"),
        ("m{,}", "m{}"),
        ("f(a,,b)", "f(a,,b)"),
        ("m{a=`,,`,,b='c'}", "m{a=`,,`,b='c'}"),
    ],
)
def test_leading_and_double_commas_go(query, cleaned):
    assert promql.clean_commas(query) == cleaned


@given(st.text(alphabet="{},\"\\`'ab= ", max_size=40))
def test_cleaning_twice_changes_nothing_more(query):
    once = promql.clean_commas(query)
    assert promql.clean_commas(once) == once


@pytest.mark.parametrize("query", ["m", "sum(m) by ()", "1", "-m", "(m)", "m offset 5m", "time()"])
def test_instant_values_are_queries(query):
    promql.check_query(query)


@pytest.mark.parametrize("query", ["", "sum(", "m{,}", "m[5m]", "(m[5m])", "m[5m:1m]", '"text"'])
def test_the_rest_is_refused(query):
    with pytest.raises(promql.QueryError):
        promql.check_query(query)
