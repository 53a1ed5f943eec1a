"""Rule files: prometheus-adapter's format, names from configuration, errors that teach."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.configuration import Catalogue, read_configuration
from adapter.core.problems import ConfigurationError
from adapter.core.rules import Rule
from kube.vocab.selectors import parse_selector


def read(text: str) -> Catalogue:
    return read_configuration(text, "rules.yaml")


def one(body: str) -> Rule:
    """The single rule of a file whose element is `body`."""
    catalogue = read(f"externalRules:\n- {body}")
    (rule,) = catalogue.rules.values()
    return rule


def query(rule: Rule | None, selector: str = "", namespace: str = "ns") -> str:
    assert rule is not None
    return rule.query(parse_selector(selector), namespace)


EXAMPLE = """
rules:
- seriesQuery: 'http_requests_total'
  resources: {template: "kube_<<.Resource>>"}
externalRules:
- seriesQuery: 'kodo:nsq_backlog:sum{consumer!=""}'
  name: {matches: ".*", as: kodo_x_queue_backlog}
  resources: {namespaced: false}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>}) by (consumer)'
- seriesQuery: 'kodo:cpu_utilization:percent{deployment!=""}'
  name: {matches: ".*", as: kodo_x_cpu_utilization}
  resources: {overrides: {namespace: {resource: namespace}}}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>}) by (namespace, deployment)'
"""


def test_a_file_of_a_real_site():
    catalogue = read(EXAMPLE)
    assert catalogue.names == ("kodo_x_cpu_utilization", "kodo_x_queue_backlog")
    backlog = catalogue.find("KODO_x_queue_backlog")
    assert query(backlog, "consumer=kodo-x") == (
        'max(kodo:nsq_backlog:sum{consumer="kodo-x"}) by (consumer)'
    )
    cpu = catalogue.find("kodo_x_cpu_utilization")
    assert query(cpu) == (
        'max(kodo:cpu_utilization:percent{namespace="ns"}) by (namespace, deployment)'
    )
    assert catalogue.warnings == (
        "rules.yaml:2: rules ignored: this server answers external metrics only",
    )


@pytest.mark.parametrize("text", ["", "{}", "externalRules:", "externalRules: []", "rules: []"])
def test_no_rules_are_no_metrics(text):
    assert read(text).names == ()


@pytest.mark.parametrize(
    ("series", "name", "expected"),
    [
        ("m", "{}", "m"),
        ("\"m{a='b'}\"", "{}", "m"),
        ("'{__name__=\"m\"}'", "{}", "m"),
        ("'{__name__=~\"^m$\"}'", "{}", "m"),
        ("http_total", "{matches: '^(.*)_total$'}", "http"),
        ("http_total", "{matches: '^(.*)_total$', as: '${1}_per_second'}", "http_per_second"),
        ("http_total", "{matches: '(?P<base>.*)_total', as: 'x_$base'}", "x_http"),
        ("a_b_total", "{matches: '(.)_(.)_total', as: '$2$1'}", "ba"),
        ("a_b", "{matches: a, as: ''}", "a"),
        ("m", "{as: '$$x'}", "$x"),
        ("m", "{as: 'x$9y$8'}", "x"),
    ],
)
def test_names_come_from_the_file(series, name, expected):
    assert one(f"{{seriesQuery: {series}, name: {name}, metricsQuery: 'm'}}").name == expected


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ("{}", 'm{namespace="ns"}'),
        ("{namespaced: false}", "m{}"),
        ("{namespaced: false, overrides: {x: {resource: namespace}}}", "m{}"),
        ("{overrides: {kube_ns: {resource: namespace}}}", 'm{kube_ns="ns"}'),
        ("{overrides: {p: {resource: pod}, n: {group: '', resource: namespaces}}}", 'm{n="ns"}'),
        ("{template: 'kube_<<.Resource>>'}", 'm{kube_namespace="ns"}'),
        (
            "{template: '<<.Group>>x_<<.Resource>>', overrides: {p: {resource: pod}}}",
            'm{x_namespace="ns"}',
        ),
    ],
)
def test_the_namespaces_label(resources, expected):
    rule = one(
        f"{{seriesQuery: m, resources: {resources}, "
        "metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'}"
    )
    assert query(rule) == expected


def test_empty_matchers_leave_no_comma():
    rule = one(
        "{seriesQuery: m, resources: {namespaced: false}, "
        "metricsQuery: 'm{<<.LabelMatchers>>,x=\"1\"}'}"
    )
    assert query(rule) == 'm{x="1"}'
    assert query(rule, "a=b") == 'm{a="b",x="1"}'


def test_label_values_by_name():
    rule = one(
        "{seriesQuery: m, metricsQuery: "
        '\'<<.Series>>{q=~"<<index .LabelValuesByName "queue">>",ns="<<index '
        '.LabelValuesByName "namespace">>"}\'}'
    )
    assert query(rule, "queue in (a,b)") == 'm{q=~"a|b",ns="ns"}'


BAD = [
    ("externalRule: []", 'unknown key "externalRule" (did you mean "externalRules"?)'),
    ("- a", "expected a mapping"),
    ("a: [", "not YAML"),
    ("externalRules: 5", "externalRules: expected a list of rules"),
    ("externalRules: [5]", "externalRules[0]: expected a mapping"),
    ("externalRules: []\nexternalRules: []", 'key "externalRules" given twice'),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files(text, message):
    with pytest.raises(ConfigurationError, match=r"^rules\.yaml:\d+: ") as caught:
        read(text)
    assert message in str(caught.value)


BAD_RULES = [
    ("{metricsQuery: m}", "seriesQuery: missing"),
    ("{seriesQuery: m}", "metricsQuery: missing"),
    (
        "{seriesQuery: m, metricQuery: m}",
        'unknown key "metricQuery" (did you mean "metricsQuery"?)',
    ),
    ("{seriesQuery: m, metricsQuery: m, name: {as_: x}}", 'unknown key "as_" in name'),
    (
        "{seriesQuery: m, metricsQuery: m, seriesFilters: [{isnot: x}]}",
        'in seriesFilters[0] (did you mean "isNot"?)',
    ),
    (
        "{seriesQuery: m, metricsQuery: m, resources: {namespaced: maybe}}",
        "resources.namespaced: Expected `bool`",
    ),
    ("{seriesQuery: 'sum(m)', metricsQuery: m}", "seriesQuery: not a series selector"),
    ("{seriesQuery: 'm{', metricsQuery: m}", "seriesQuery: "),
    (
        "{seriesQuery: m, metricsQuery: '<<.Serie>>'}",
        "metricsQuery: line 1, column 3: unknown field",
    ),
    ("{seriesQuery: m, metricsQuery: 'sum(<<.Series>>'}", "the rule renders to `sum(m`"),
    ("{seriesQuery: m, metricsQuery: 'm[5m]'}", "yields a range of samples"),
    (
        "{seriesQuery: m, metricsQuery: m, name: {matches: '('}}",
        "name.matches: '(' is not a regular expression",
    ),
    ("{seriesQuery: m, metricsQuery: m, name: {matches: 'x'}}", 'does not match the series "m"'),
    ("{seriesQuery: ab, metricsQuery: m, name: {matches: '(a)(b)'}}", "name.as: needed"),
    ("{seriesQuery: m, metricsQuery: m, name: {as: 'a/b'}}", "'a/b' cannot be a metric name"),
    ("{seriesQuery: m, metricsQuery: m, seriesFilters: [{is: x}]}", "it excludes the only series"),
    ("{seriesQuery: m, metricsQuery: m, seriesFilters: [{}]}", 'exactly one of "is" and "isNot"'),
    (
        "{seriesQuery: m, metricsQuery: m, resources: {overrides: {p: {resource: pod}}}}",
        "no label stands for the namespace",
    ),
    ("{seriesQuery: m, metricsQuery: m, resources: {overrides: {p: {}}}}", '"resource" is missing'),
    (
        "{seriesQuery: m, metricsQuery: m, resources: {template: 'a-<<.Resource>>'}}",
        "not a Prometheus label name",
    ),
    ("{seriesQuery: m, metricsQuery: m, resources: {template: '<<.X>>'}}", 'unknown field ".X"'),
]


@pytest.mark.parametrize(("body", "message"), BAD_RULES)
def test_bad_rules_are_named_by_index_key_and_remedy(body, message):
    with pytest.raises(ConfigurationError) as caught:
        read(f"externalRules:\n- {{seriesQuery: good, metricsQuery: good}}\n- {body}")
    said = str(caught.value)
    assert said.startswith("rules.yaml:3: externalRules[1]: ")
    assert message in said


def test_a_name_may_be_literal_where_the_series_are_not_needed():
    rule = one("{seriesQuery: '{__name__=~\"a.*\"}', name: {as: x}, metricsQuery: 'sum(b)'}")
    assert (rule.name, query(rule)) == ("x", "sum(b)")


def test_names_that_differ_in_case_alone_collide():
    text = "externalRules: [{seriesQuery: m, metricsQuery: m}, {seriesQuery: M, metricsQuery: m}]"
    with pytest.raises(ConfigurationError, match=r"externalRules\[1\]: name: \"M\" is already"):
        read(text)


def test_group_by_is_pointed_out():
    text = "externalRules: [{seriesQuery: m, metricsQuery: 'sum(m) by (<<.GroupBy>>)'}]"
    assert read(text).warnings == (
        "rules.yaml:1: externalRules[0]: metricsQuery: .GroupBy is always empty for external "
        "metrics",
    )


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_an_error_of_the_file(text):
    try:
        read(text)
    except ConfigurationError as error:
        said = str(error)
    else:
        return
    assert re.match(r"rules\.yaml(:\d+)?: ", said)


SEVERAL = """
defaults:
  timeout: soon
upstreams:
  thanos: {url: thanos}
externalRules:
- seriesQuery: fine
  metricsQuery: fine
- seriesQuery: a
  metricsQuery: |
    sum(<<.Series>>
- seriesQuery: b
  resources:
    overrides:
      kube_namespace: {}
  metricsQuery: b
- seriesQuery: c
  name:
    as: c
    mathces: d
  metricsQuery: c
- seriesQuery: fine
  metricsQuery: fine
"""


def test_every_problem_is_told_with_its_line():
    with pytest.raises(ConfigurationError) as caught:
        read(SEVERAL)
    told = [problem.split(": ")[:3] for problem in caught.value.problems]
    assert told == [
        ["rules.yaml:5", "upstreams.thanos", "url"],
        ["rules.yaml:3", "defaults", "timeout"],
        ["rules.yaml:10", "externalRules[1]", "metricsQuery"],
        ["rules.yaml:15", "externalRules[2]", "resources.overrides.kube_namespace"],
        ["rules.yaml:20", "externalRules[3]", 'unknown key "mathces" in name (did you mean'
         ' "matches"?); remove or correct it'],
        ["rules.yaml:22", "externalRules[4]", "name"],
    ]  # fmt: skip
    assert str(caught.value).endswith(
        "(and 5 more: `wpa-adapter check-config rules.yaml` lists all)"
    )
    for problem in caught.value.problems:
        assert "; " in problem, "what to do is missing"


@pytest.mark.parametrize(
    "text",
    [
        "externalRules: " + "[" * 5000,
        "externalRules: &a [*a]",
        "externalRules: [{seriesQuery: 2024-13-45, metricsQuery: m}]",
        "a: !!python/object:os.system {}",
        "a: \x00",
        "--- {}\n--- {}",
    ],
    ids=["deep", "in itself", "date", "object", "control", "two documents"],
)
def test_yaml_that_cannot_be_a_file_of_rules(text):
    with pytest.raises(ConfigurationError, match=r"^rules\.yaml(:\d+)?: "):
        read(text)


def test_keys_of_another_rule_can_be_merged():
    catalogue = read("""
externalRules:
- &first
  seriesQuery: m
  metricsQuery: 'sum(m)'
  timeout: 3s
- <<: *first
  name: {as: other}
  metricsQuery: 'max(m)'
""")
    assert catalogue.names == ("m", "other")
    other = catalogue.rules["other"]
    assert (query(other), other.policy.timeout) == ("max(m)", 3.0)


def test_a_config_map_is_not_the_file_it_holds():
    text = "kind: ConfigMap\ndata:\n  config.yaml: |\n    externalRules: []\n"
    with pytest.raises(
        ConfigurationError, match="name the file that it holds under data"
    ) as caught:
        read(text)
    assert len(caught.value.problems) == 1
