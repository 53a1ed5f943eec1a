"""Rules whose names come from series: which metrics they make, and which of several counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.configuration import Catalogue, read_configuration
from adapter.core.problems import ConfigurationError
from adapter.core.results import UpstreamError
from adapter.core.series_names import NameSpan, name_parameters, read_names
from adapter.core.wildcards import SeriesAsk
from kube.vocab.selectors import parse_selector

QUEUES = """
externalRules:
- seriesQuery: '{__name__=~"^queue_.*",job!=""}'
  seriesFilters: [{isNot: _created$}]
  name: {matches: '^queue_(.*)_total$', as: '${1}_per_second'}
  metricsQuery: 'sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m]))'
"""


def read(text: str) -> Catalogue:
    return read_configuration(text, "rules.yaml")


def found(catalogue: Catalogue, *series: str) -> Catalogue:
    """The catalogue after every selector found `series`."""
    return catalogue.with_series({one.ask: series for one in catalogue.wildcards})


def test_series_become_metrics():
    catalogue = read(QUEUES)
    assert catalogue.names == ()
    (wildcard,) = catalogue.wildcards
    assert wildcard.ask == SeriesAsk('{__name__=~"^queue_.*",job!=""}', "")
    catalogue = found(
        catalogue, "queue_jobs_total", "queue_Mail_total", "queue_depth", "queue_x_total_created"
    )
    assert catalogue.names == ("jobs_per_second", "mail_per_second")
    rule = catalogue.find("mail_per_second")
    assert rule is not None
    assert (rule.name, rule.series) == ("Mail_per_second", "queue_Mail_total")
    assert rule.query(parse_selector("a=b"), "ns") == (
        'sum(rate(queue_Mail_total{a="b",namespace="ns"}[2m]))'
    )
    assert catalogue.warnings == ()


def test_a_series_that_is_gone_takes_its_metric_along():
    catalogue = read(QUEUES)
    assert found(catalogue, "queue_a_total").names == ("a_per_second",)
    assert found(catalogue).names == ()


@pytest.mark.parametrize(
    ("body", "wild"),
    [
        ("{seriesQuery: '{__name__=~\"a.*\"}', metricsQuery: m}", True),
        ("{seriesQuery: '{job=\"x\"}', metricsQuery: '<<.Series>>'}", True),
        ("{seriesQuery: '{__name__=~\"a.*\"}', name: {as: x}, metricsQuery: '<<.Series>>'}", True),
        ("{seriesQuery: '{__name__=~\"a.*\"}', name: {as: x}, metricsQuery: 'sum(b)'}", False),
        ("{seriesQuery: '{__name__=~\"^a$\"}', metricsQuery: '<<.Series>>'}", False),
        ("{seriesQuery: 'a{b=~\"c.*\"}', metricsQuery: '<<.Series>>'}", False),
    ],
)
def test_only_what_the_file_cannot_tell_is_looked_for(body, wild):
    catalogue = read(f"externalRules:\n- {body}")
    assert (len(catalogue.wildcards), len(catalogue.rules)) == ((1, 0) if wild else (0, 1))


def test_a_name_of_the_file_counts_and_not_one_of_a_series():
    catalogue = found(
        read("""
externalRules:
- {seriesQuery: '{__name__=~"queue_.*"}', metricsQuery: 'sum(<<.Series>>)'}
- {seriesQuery: other, name: {as: Queue_Depth}, metricsQuery: 'max(<<.Series>>)'}
"""),
        "queue_depth",
        "queue_age",
    )
    depth = catalogue.find("queue_depth")
    assert depth is not None
    assert depth.series == "other"
    (warning,) = catalogue.warnings
    assert warning.startswith('rules.yaml:3: externalRules[0]: the metric "queue_depth" has a rule')


def test_of_two_rules_that_find_a_name_the_later_counts():
    catalogue = found(
        read("""
externalRules:
- {seriesQuery: '{__name__=~"queue_.*"}', metricsQuery: 'sum(<<.Series>>)'}
- {seriesQuery: '{__name__=~".*_depth"}', metricsQuery: 'max(<<.Series>>)'}
"""),
        "queue_depth",
    )
    depth = catalogue.find("queue_depth")
    assert depth is not None
    assert depth.query(parse_selector(""), "ns") == "max(queue_depth)"
    assert catalogue.warnings == (
        'rules.yaml:4: externalRules[1]: the metric "queue_depth" is also found by rules.yaml:3: '
        "externalRules[0]; this rule counts because it is the later one",
    )


def test_several_series_of_one_metric_are_pointed_out():
    catalogue = found(
        read("""
externalRules:
- seriesQuery: '{__name__=~"queue_.*"}'
  name: {matches: '^queue', as: q}
  metricsQuery: '<<.Series>>'
"""),
        "queue_b",
        "queue_a",
        "queue_c",
    )
    assert catalogue.names == ("q",)
    assert catalogue.rules["q"].series == "queue_c"
    (warning,) = catalogue.warnings
    assert 'several series come to the metric "q"' in warning


@given(st.lists(st.text(max_size=8)))
def test_any_series_names_make_metrics_that_can_be_asked_for(series):
    catalogue = found(
        read("""
externalRules:
- {seriesQuery: '{job="x"}', metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'}
"""),
        *series,
    )
    for name in catalogue.names:
        rule = catalogue.find(name)
        assert rule is not None
        assert rule.series in series
        assert rule.query(parse_selector(""), "ns") == f'{rule.series}{{namespace="ns"}}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("headers: {X-A: <<.Namespace>>}, metricsQuery: m", "headers.X-A: names of series cannot"),
        ("metricsQuery: 'sum(<<.Series>>'", "the rule renders to `sum(series`"),
        ("metricsQuery: m, seriesFilters: [{is: '('}]", "seriesFilters[0]: '(' is not a regular"),
        ("metricsQuery: m, name: {matches: '[[:alpha:]]'}", "write [a-zA-Z]"),
    ],
)
def test_wildcards_are_checked_before_anything_is_found(body, message):
    with pytest.raises(ConfigurationError) as caught:
        read(f"externalRules:\n- {{seriesQuery: '{{job=\"x\"}}', {body}}}")
    assert message in str(caught.value)


def test_fixed_headers_go_along_with_the_question_for_names():
    catalogue = read(
        "externalRules:\n- {seriesQuery: '{job=\"x\"}', metricsQuery: m, headers: {X-A: b}}"
    )
    assert catalogue.wildcards[0].ask.headers == (("X-A", "b"),)


def test_names_are_asked_for_within_bounds():
    assert name_parameters("{a=~'b.*'}", NameSpan(1_700_000_000_001, 1_700_000_600_000)) == {
        "match[]": "{a=~'b.*'}",
        "start": "1700000000.001",
        "end": "1700000600.000",
        "limit": "10001",
    }


def test_names_that_are_read():
    assert read_names(b'{"status":"success","data":["b","a"]}') == ("a", "b")
    assert read_names(b'{"status":"success","data":[],"warnings":["x"]}') == ()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b'{"status":"success"}',
        b'{"status":"success","data":null}',
        b'{"status":"success","data":[1]}',
        b'{"status":"error","data":[],"error":"x"}',
        b'{"status":"success","data":["\xff"]}',
        b"[" * 100_000,
    ],
    ids=range(8),
)
def test_what_is_no_list_of_names(body):
    with pytest.raises(UpstreamError) as caught:
        read_names(body)
    assert caught.value.kind == "bad response"
