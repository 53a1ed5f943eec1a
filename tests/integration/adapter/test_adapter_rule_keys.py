"""Optional keys of rules, seen from both sides: what callers get, what Prometheus is sent."""

import pytest

from tests.integration.adapter.kit.prometheus import fake_prometheus, vector
from tests.integration.adapter.kit.server import ROOT, adapter, until

pytestmark = pytest.mark.asyncio

RULES = """
upstreams:
  other: {url: OTHER, headers: {X-Fixed: a}, params: {dedup: "true"}}
externalRules:
- seriesQuery: 'depth'
  upstream: other
  headers: {X-Scope-OrgID: 'team-<<.Namespace>>'}
  namespaces: [blue, green]
  params: {page: {label: uri, values: {login: /v1/login}}}
  labelKeys: sanitize
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
- seriesQuery: 'plain'
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
- seriesQuery: '{__name__=~"queue_.*"}'
  upstream: other
  metricsQuery: 'max(<<.Series>>)'
"""


async def test_a_rule_asks_its_upstream_in_its_own_way(tmp_path):
    async with (
        fake_prometheus() as other,
        adapter(tmp_path, rules=RULES.replace("OTHER", other.url)) as it,
    ):
        other.says(vector(({}, "7")))
        path = f"{ROOT}/namespaces/blue/depth?labelSelector=page%3Dlogin,a.b/c%3Dd"
        got = await it.ask(path, user="hpa")
        assert [one["value"] for one in got.json["items"]] == ["7"]
        ((verb, form, headers),) = other.requests
        assert form["query"] == 'sum(depth{a_b_c="d",uri="/v1/login",namespace="blue"})'
        assert (verb, form["dedup"]) == ("POST", "true")
        assert headers["X-Scope-OrgID"] == "team-blue"
        assert headers["X-Fixed"] == "a"
        assert it.prometheus.requests == []

        got = await it.ask(f"{ROOT}/namespaces/blue/plain", user="hpa")
        assert got.status == 200
        ((_, form, headers),) = it.prometheus.requests
        assert form["query"] == 'sum(plain{namespace="blue"})'
        assert "X-Scope-OrgID" not in headers


async def test_tenants_never_share_an_answer(tmp_path):
    rules = """
externalRules:
- seriesQuery: 'depth'
  headers: {X-Scope-OrgID: <<.Namespace>>}
  resources: {namespaced: false}
  metricsQuery: 'sum(<<.Series>>)'
"""
    async with adapter(tmp_path, rules=rules) as it:
        for namespace in ("blue", "green", "blue"):
            got = await it.ask(f"{ROOT}/namespaces/{namespace}/depth", user="hpa")
            assert got.status == 200
        assert len(set(it.prometheus.queries)) == 1
        tenants = [headers["X-Scope-OrgID"] for _, _, headers in it.prometheus.requests]
        assert tenants == ["blue", "green"]


@pytest.mark.parametrize(
    "namespace", ["blue|green", "blue%0d%0aX-Other: a", "Blue", "..", "%F0%9F%92%A9"]
)
async def test_what_is_no_namespace_is_never_sent_as_one(tmp_path, namespace):
    rules = """
externalRules:
- {seriesQuery: depth, headers: {X-Scope-OrgID: <<.Namespace>>}, metricsQuery: 'sum(depth)'}
"""
    async with adapter(tmp_path, rules=rules) as it:
        got = await it.ask(f"{ROOT}/namespaces/{namespace}/depth", user="root")
        got.failure(400, "BadRequest")
        assert it.prometheus.requests == []


async def test_other_namespaces_are_refused_and_told_why(tmp_path):
    async with (
        fake_prometheus() as other,
        adapter(tmp_path, rules=RULES.replace("OTHER", other.url)) as it,
    ):
        got = await it.ask(f"{ROOT}/namespaces/red/depth", user="hpa")
        failure = got.failure(403, "Forbidden")
        assert 'the metric depth is not served in the namespace "red"' in failure["message"]
        assert failure["details"]["kind"] == "depth"
        got = await it.ask(f"{ROOT}/namespaces/blue/depth?labelSelector=page%3Dlogout", user="hpa")
        assert "it takes login" in got.failure(400, "BadRequest")["message"]
        assert other.requests == []


async def test_names_are_looked_for_at_the_rules_own_upstream(tmp_path):
    async with fake_prometheus() as other:
        other.names = ["queue_a"]
        async with adapter(tmp_path, rules=RULES.replace("OTHER", other.url)) as it:

            async def found():
                return (await it.ask(f"{ROOT}/namespaces/x/queue_a", user="hpa")).status == 200

            await until(found)
            ((query, headers),) = other.name_requests
            assert query["match[]"] == '{__name__=~"queue_.*"}'
            assert headers["X-Fixed"] == "a"
            assert it.prometheus.name_requests == []


async def test_names_that_cannot_be_listed_cost_no_metric_its_values(tmp_path):
    """A proxy may let queries pass and nothing else."""
    async with fake_prometheus() as other:
        rules = RULES.replace("OTHER", other.url)
        async with adapter(tmp_path, rules=rules, relist_interval=0.02) as it:
            await until(lambda: len(other.name_requests) > 8)
            got = await it.ask(f"{ROOT}/namespaces/blue/depth", user="hpa")
            assert got.status == 200


async def test_an_answer_that_lacks_an_exporter_is_no_smaller_load(tmp_path):
    rules = """
externalRules:
- seriesQuery: 'depth'
  minSeries: 3
  metricsQuery: 'sum by (instance) (<<.Series>>{<<.LabelMatchers>>})'
"""
    whole = [({"instance": name}, "100") for name in "abc"]
    async with adapter(tmp_path, rules=rules, cache_ttl=0.0, refresh_for=0.0) as it:
        it.prometheus.says(vector(*whole))
        path = f"{ROOT}/namespaces/blue/depth"
        assert len((await it.ask(path, user="hpa")).json["items"]) == 3
        for broken in (whole[:2], [*whole[:2], ({"instance": "c"}, "NaN")], []):
            it.prometheus.says(vector(*broken))
            # No old value stands in for it, either: the cause will not go by itself.
            refusal = (await it.ask(path, user="hpa")).failure(500, "InternalError")
            assert "partial answer" in refusal["message"]
        it.prometheus.says(vector(*whole))
        assert len((await it.ask(path, user="hpa")).json["items"]) == 3
