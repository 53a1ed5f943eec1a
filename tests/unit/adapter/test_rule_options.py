"""The optional keys of rules: what they come to, and what is refused with which remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.configuration import Catalogue, read_configuration
from adapter.core.problems import ConfigurationError
from adapter.core.promql import UnservableSelectorError, check_query
from adapter.core.question import Policy, Question
from adapter.core.rules import NamespaceRefusedError, Rule
from adapter.core.upstream import DEFAULT, Upstream
from kube.vocab.selectors import parse_selector

PLAIN = "seriesQuery: m, metricsQuery: '<<.Series>>{<<.LabelMatchers>>}'"
UPSTREAMS = "upstreams: {thanos: {url: 'http://thanos:9090'}}\n"


def read(text: str) -> Catalogue:
    return read_configuration(text, "rules.yaml")


def one(keys: str, top: str = "") -> Rule:
    """The single rule of a file with `keys` beside the plain ones."""
    (rule,) = read(f"{top}externalRules:\n- {{{PLAIN}, {keys}}}").rules.values()
    return rule


def asked(rule: Rule, selector: str = "", namespace: str = "ns") -> Question:
    return rule.question(parse_selector(selector), namespace)


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ("", Policy()),
        ("cacheTTL: 10s", Policy(cache_ttl=10.0)),
        ("cacheTTL: 0s", Policy(cache_ttl=0.0)),
        ("staleFor: 1m30s", Policy(stale_for=90.0)),
        ("timeout: 500ms", Policy(timeout=0.5)),
        ("timeout: 2", Policy(timeout=2.0)),
        ("timeout: 0.5", Policy(timeout=0.5)),
        ("maxSeries: 10", Policy(max_series=10)),
        ("minSeries: 3", Policy(min_series=3)),
        ("minSeries: 3, maxSeries: 3", Policy(min_series=3, max_series=3)),
        ("minSeries: 1, expect: one", Policy(min_series=1, expect="one")),
        ("window: 2m", Policy(window=120)),
        ("expect: one", Policy(expect="one")),
        ("expect: any", Policy()),
        ("onEmpty: zero", Policy(on_empty="zero")),
        ("onEmpty: error", Policy(on_empty="error")),
        ("onError: error", Policy(on_error="error")),
        ("onError: stale", Policy()),
        ('onError: {value: "3"}', Policy(on_error="value", error_milli=3000)),
        ("onError: {value: 0.1}", Policy(on_error="value", error_milli=100)),
        ("onError: {value: 0}", Policy(on_error="value")),
        ("onError: {value: 1500m}", Policy(on_error="value", error_milli=1500)),
        ("onWarnings: error", Policy(on_warnings="error")),
        ("nonFinite: error", Policy(non_finite="error")),
        ("cacheTTL: , onError: ", Policy()),
    ],
)
def test_policy(keys, policy):
    assert one(keys).policy == policy


BAD = [
    ("upstream: thanso", UPSTREAMS, 'upstream: "thanso" is not among the upstreams of this file'),
    ("upstream: thanso", UPSTREAMS, '(did you mean "thanos"?)'),
    ("cacheTTL: soon", "", "cacheTTL: 'soon' is not a duration such as 15s"),
    ("cacheTTL: -1", "", "cacheTTL: '-1' is not a duration"),
    ("timeout: 0s", "", "timeout: 0s is too short; write at least 0.001s"),
    ("window: 1500ms", "", "window: callers are told whole seconds"),
    ("maxSeries: 0", "", "maxSeries: Expected `int` >= 1"),
    ("minSeries: 0", "", "minSeries: Expected `int` >= 1"),
    (
        "minSeries: 4, maxSeries: 3",
        "",
        "no answer can have 4 series beside maxSeries: 3",
    ),
    ("minSeries: 2, expect: one", "", "no answer can have 2 series beside expect: one"),
    ("minSeries: 1, onEmpty: zero", "", "minSeries: an answer without series is refused"),
    ("expect: two", "", "expect: Invalid enum value 'two'"),
    ("onEmpty: nought", "", "onEmpty: Invalid enum value"),
    ("onError: 3", "", "onError: Expected `str | object`"),
    ("onError: zero", "", "onError: Invalid enum value"),
    ("onError: {value: lots}", "", "onError.value: 'lots' is not a quantity"),
    ("onError: {value: 1e30}", "", "onError.value: consumers cannot count that far"),
    ("onError: {value: .nan}", "", "onError.value: 'NaN' is not a quantity"),
    ("onError: {}", "", "missing required field `value`"),
    ("onerror: error", "", 'unknown key "onerror" (did you mean "onError"?)'),
    ("headers: {'X Y': a}", "", "headers.X Y: not the name of a header"),
    ('headers: {X-A: "a\\r\\nX-B: b"}', "", "headers.X-A: the value has control characters"),
    ("headers: {X-A: 'ü'}", "", "headers.X-A: the value has control characters or is not ASCII"),
    ("headers: {X-A: <<.Series>>}", "", 'headers.X-A: line 1, column 3: unknown field ".Series"'),
    ("headers: {authorization: Bearer x}", "", "secrets are not written into this file"),
    ("headers: {Host: x}", "", "this header belongs to the HTTP client"),
    ("params: {a-b: {}}", "", 'params.a-b: "a-b" is not a Prometheus label name'),
    ("params: {a: {label: b c}}", "", 'params.a: "b c" is not a Prometheus label name'),
    ("params: {a: {values: {}}}", "", "params.a.values: no value is listed"),
    ("labelKeys: drop", "", "labelKeys: Invalid enum value 'drop'"),
    ("namespaces: []", "", "namespaces: no namespace is listed"),
    ("namespaces: ['team-*']", "", 'namespaces[0]: "team-*" is not the name of a namespace'),
    ("timestampQuery: 'min(<<.Serie>>)'", "", "timestampQuery: line 1, column 7: unknown field"),
    ("timestampQuery: 'min(<<.Series>>'", "", "the rule renders to `min(m`"),
]


@pytest.mark.parametrize(("keys", "top", "message"), BAD, ids=lambda value: str(value)[:40])
def test_what_is_refused(keys, top, message):
    with pytest.raises(ConfigurationError) as caught:
        one(keys, top)
    (problem,) = caught.value.problems
    assert message in problem


def test_an_upstream_by_name():
    assert asked(one("upstream: thanos", UPSTREAMS)).upstream == "thanos"
    assert asked(one("upstream: default")).upstream == DEFAULT
    assert asked(one("expect: any")).upstream == DEFAULT


def test_headers_may_name_the_namespace():
    rule = one("headers: {X-Scope-OrgID: 'team-<<.Namespace>>', X-Fixed: 'a b'}")
    assert asked(rule, namespace="blue").headers == (
        ("X-Scope-OrgID", "team-blue"),
        ("X-Fixed", "a b"),
    )


@given(st.text())
def test_nothing_but_a_namespace_ever_gets_into_a_header(namespace):
    rule = one("headers: {X-Scope-OrgID: <<.Namespace>>}")
    try:
        ((_, value),) = asked(rule, namespace=namespace).headers
    except UnservableSelectorError:
        return
    assert value == namespace
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


URI = "params: {page: {label: uri, values: {login: /v1/login, any: 'a|\"b.c'}}, queue: {}}"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("page=login", 'm{uri="/v1/login",namespace="ns"}'),
        ("page!=login", 'm{uri!="/v1/login",namespace="ns"}'),
        ("page in (login,any)", 'm{uri=~"a\\\\|\\"b\\\\.c|/v1/login",namespace="ns"}'),
        ("page notin (login)", 'm{uri!="/v1/login",namespace="ns"}'),
        ("page", 'm{uri!="",namespace="ns"}'),
        ("!page", 'm{uri="",namespace="ns"}'),
        ("queue=a", 'm{queue="a",namespace="ns"}'),
        ("other=a", 'm{other="a",namespace="ns"}'),
        ("uri=a", 'm{uri="a",namespace="ns"}'),
    ],
)
def test_params_stand_for_labels_and_their_values(selector, expected):
    query = asked(one(URI), selector).promql
    # Alternatives have no order of their own.
    assert query == expected or set(query.split("|")) == set(expected.split("|"))
    check_query(query)


def test_a_value_that_is_not_listed_is_refused():
    with pytest.raises(
        UnservableSelectorError, match='"logout" is not a value of "page": it takes any, login'
    ):
        asked(one(URI), "page=logout")


def test_templates_see_the_labels_of_params():
    rule = read(
        "externalRules:\n- {seriesQuery: m, params: {page: {label: uri, values: {l: '/a\"'}}}, "
        'metricsQuery: \'<<.Series>>{u=~"<<index .LabelValuesByName "uri">>"}\'}'
    ).rules["m"]
    assert asked(rule, "page=l").promql == 'm{u=~"/a\\""}'


@pytest.mark.parametrize(
    ("keys", "selector", "expected"),
    [
        ("labelKeys: sanitize", "app.kubernetes.io/name=a", 'm{app_kubernetes_io_name="a",'),
        ("labelKeys: sanitize", "1a-b=a", 'm{_a_b="a",'),
        ("labelKeys: sanitize", "plain=a", 'm{plain="a",'),
        ("labelKeys: quote", "app.kubernetes.io/name=a", 'm{"app.kubernetes.io/name"="a",'),
        ("labelKeys: quote", "!app.kubernetes.io/name", 'm{"app.kubernetes.io/name"="",'),
        ("labelKeys: quote", "plain=a", 'm{plain="a",'),
    ],
)
def test_label_keys(keys, selector, expected):
    query = asked(one(keys), selector).promql
    assert query == f'{expected}namespace="ns"}}'
    check_query(query)


def test_label_keys_are_refused_without_a_word_about_them():
    with pytest.raises(UnservableSelectorError, match="cannot be selected"):
        asked(one("labelKeys: error"), "a.b=c")


def test_namespaces_are_an_allow_list():
    rule = one("namespaces: [blue, green]")
    assert asked(rule, namespace="green").promql == 'm{namespace="green"}'
    with pytest.raises(NamespaceRefusedError):
        asked(rule, namespace="red")


def test_sample_times_are_asked_for_under_the_same_selector():
    rule = one("timestampQuery: 'min(timestamp(<<.Series>>{<<.LabelMatchers>>}))'")
    question = asked(rule, "a=b")
    assert question.promql == 'm{a="b",namespace="ns"}'
    assert question.times == 'min(timestamp(m{a="b",namespace="ns"}))'
    assert asked(one("expect: any")).times == ""


def test_defaults_hold_where_a_rule_says_nothing():
    catalogue = read(f"""{UPSTREAMS}
defaults: {{upstream: thanos, timeout: 3s, headers: {{X-A: a}}, onEmpty: zero}}
externalRules:
- {{{PLAIN}}}
- {{seriesQuery: n, metricsQuery: n, upstream: default, timeout: 1s, headers: {{X-B: b}}}}
""")
    first, second = catalogue.rules["m"], catalogue.rules["n"]
    assert first.policy == Policy(timeout=3.0, on_empty="zero")
    assert second.policy == Policy(timeout=1.0, on_empty="zero")
    assert (asked(first).upstream, asked(first).headers) == ("thanos", (("X-A", "a"),))
    assert (asked(second).upstream, asked(second).headers) == (DEFAULT, (("X-B", "b"),))


FULL = """
upstreams:
  mimir:
    url: https://mimir/prometheus
    verb: GET
    caFile: /ca.pem
    clientCertFile: /tls.crt
    clientKeyFile: /tls.key
    basicAuth: {username: me, passwordFile: /password}
    headers: {X-Scope-OrgID: a}
    params: {dedup: "true"}
    maxConcurrent: 4
    maxQueued: 0
  other: {url: http://other, tokenFile: /token}
"""


def test_upstreams():
    assert read(FULL).upstreams == {
        "mimir": Upstream(
            "https://mimir/prometheus",
            verb="GET",
            ca_file="/ca.pem",
            certificate_file="/tls.crt",
            key_file="/tls.key",
            username="me",
            password_file="/password",
            headers={"X-Scope-OrgID": "a"},
            params={"dedup": "true"},
            max_concurrent=4,
            max_queued=0,
        ),
        "other": Upstream("http://other", token_file="/token"),
    }


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("x", "", "x: url: '' is not an address"),
        ("x", "url: prometheus:9090", "write one like http://prometheus.monitoring:9090"),
        ("x", "url: 'http://[x'", "is not an address"),
        ("x", "url: 'http://x:99999'", "is not an address"),
        ("x", "url: 'http://me:secret@x'", "use basicAuth with a passwordFile"),
        ("x", "url: 'http://x?dedup=true'", "move them to params"),
        ("x", "url: http://x, clientCertFile: /a", "needs both clientCertFile and clientKeyFile"),
        ("x", "url: http://x, password: a", 'unknown key "password"'),
        ("x", "url: http://x, params: {query: up}", "params.query: this parameter belongs"),
        ("x", "url: http://x, headers: {Cookie: a}", "secrets are not written"),
        ("x", "url: http://x, maxConcurrent: 0", "maxConcurrent: Expected `int` >= 1"),
        ("x", "url: http://x, basicAuth: {username: a}", "required field `passwordFile`"),
        ("x", "url: http://x, basicAuth: {username: 'a:b', passwordFile: /p}", "without colons"),
        (
            "x",
            "url: http://x, tokenFile: /t, basicAuth: {username: a, passwordFile: /p}",
            "only one of tokenFile and basicAuth",
        ),
        ("default", "url: http://x", "is the one that the command line describes"),
        ("'a b'", "url: http://x", "not a name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_upstreams_that_cannot_be(name, keys, message):
    text = f"upstreams:\n  {name}: {{{keys}}}\n"
    text += f"externalRules:\n- {{{PLAIN}, upstream: {name}}}\n"
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    if name == "default":
        assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("rules.yaml:2: upstreams.")
    assert message in caught.value.problems[0]
    assert "secret@" not in caught.value.problems[0]
