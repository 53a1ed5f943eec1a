"""Which questions have a form, and that a form with its values is the question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.configuration import read_configuration
from adapter.core.file_format import ExternalRule, ResourceMapping
from adapter.core.planner_forms import PLACEHOLDER
from adapter.core.question import Question
from adapter.core.rule_compiler import compile_rule
from adapter.core.rules import Rule
from kube.vocab.selectors import Requirement, Selector, parse_selector


def question(query: str, selector: str, namespace: str = "blue", *, namespaced=True) -> Question:
    resources = ResourceMapping(namespaced=namespaced)
    rule = compile_rule(
        ExternalRule(series_query="depth", metrics_query=query, resources=resources)
    )
    assert isinstance(rule, Rule)
    return rule.question(parse_selector(selector), namespace)


def test_values_of_equalities_and_the_namespace_vary():
    asked = question("sum(<<.Series>>{<<.LabelMatchers>>})", "queue=a.b,tier in (x,y),zone!=q")
    assert asked.promql == 'sum(depth{queue="a.b",tier=~"x|y",zone!="q",namespace="blue"})'
    assert asked.form == (
        'sum(depth{queue="asked-0-value",tier=~"x|y",zone!="q",namespace="asked-1-value"})'
    )
    assert asked.values == ("a.b", "blue")


def test_requests_that_differ_in_values_have_the_very_same_form():
    one, two = (question("<<.Series>>{<<.LabelMatchers>>}", f"queue={q}") for q in ("a", "b"))
    assert one.form is two.form
    assert (one.values, two.values) == (("a", "blue"), ("b", "blue"))


def test_values_that_a_rule_gives_its_parameters_vary_too():
    (rule,) = read_configuration(
        "externalRules: [{seriesQuery: m, "
        "params: {page: {label: uri, values: {a: /v1/a, b: '*'}}}, "
        "metricsQuery: 'sum(m{<<.LabelMatchers>>})'}]",
        "rules",
    ).rules.values()
    assert rule.question(parse_selector("page=a"), "blue").values == ("/v1/a", "blue")
    assert rule.question(parse_selector("page=b"), "blue").values == ("blue",)


def test_what_the_text_leaves_out_is_no_value():
    query = "sum(<<.Series>>{<<.LabelMatchers>>})"
    one, two = (question(query, "queue=a", space, namespaced=False) for space in ("x", "y"))
    assert one == two
    assert one.values == ("a",)


@pytest.mark.parametrize(
    ("query", "selector", "namespace"),
    [
        # Chooses by the value.
        (
            '<<if eq (index .LabelValuesByName "queue") "a">>sum<<else>>max<<end>>'
            "(<<.Series>>{<<.LabelMatchers>>})",
            "queue=a",
            "blue",
        ),
        # Writes something else than the value.
        (
            'sum(<<.Series>>{<<.LabelMatchers>>}) * <<len (index .LabelValuesByName "queue")>>',
            "queue=a",
            "blue",
        ),
        # Has no value to vary.
        ("sum(depth)", "queue=a", "blue"),
        ("sum(<<.Series>>{<<.LabelMatchers>>})", "queue=asked-0-value", "blue"),
    ],
)
def test_no_form(query, selector, namespace):
    asked = question(query, selector, namespace)
    assert (asked.form, asked.values) == ("", ())


def test_values_that_need_escapes_or_match_absence_never_vary():
    asked = question("sum(<<.Series>>{<<.LabelMatchers>>})", "queue=,tier=a", 'x"y')
    assert asked.form == 'sum(depth{queue="",tier="asked-0-value",namespace="x\\"y"})'
    assert asked.values == ("a",)


keys = st.sampled_from(["a", "b", "c"])
values = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
requirements = st.one_of(
    st.builds(lambda k, v: Requirement(k, "=", (v,)), keys, values),
    st.builds(lambda k, v: Requirement(k, "!=", (v,)), keys, values),
    st.builds(lambda k, v: Requirement(k, "in", tuple(sorted(v))), keys, st.sets(values)),
    st.builds(lambda k: Requirement(k, "exists"), keys),
)


@given(st.lists(requirements, max_size=4), values)
def test_a_form_with_its_values_is_the_query(parts, namespace):
    rule = compile_rule(
        ExternalRule(series_query="m", metrics_query="sum(<<.Series>>{<<.LabelMatchers>>})")
    )
    assert isinstance(rule, Rule)
    asked = rule.question(Selector(tuple(parts)), namespace)
    numbers = sorted({int(found) for found in PLACEHOLDER.findall(asked.form)})
    back = dict(zip(numbers, asked.values, strict=True))
    assert PLACEHOLDER.sub(lambda found: back[int(found[1])], asked.form) == asked.promql
