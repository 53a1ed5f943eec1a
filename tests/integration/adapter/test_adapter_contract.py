"""Paths, methods, parameters, representations: what clients of the API may rely on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.adapter.kit.prometheus import vector
from tests.integration.adapter.kit.server import METRIC, ROOT, adapter

pytestmark = pytest.mark.asyncio

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def test_a_metric_is_a_list_of_exact_quantities(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({"__name__": "queue_depth", "queue": "a"}, "1.005")))
        got = await it.ask(f"{METRIC}?labelSelector=queue%3Da", user="hpa")
        assert got.status == 200
        assert got.body == (
            b'{"items":[{"metricName":"queue_depth","metricLabels":'
            b'{"__name__":"queue_depth","queue":"a"},"timestamp":"2023-11-14T22:13:20Z",'
            b'"value":"1005m"}],"kind":"ExternalMetricValueList",'
            b'"apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{}}\n'
        )
        assert got.headers["Content-Type"] == "application/json"
        assert got.headers["Cache-Control"] == "no-cache, private"
        assert it.prometheus.queries == [
            'sum(queue_depth{queue="a",namespace="default"}) by (queue)'
        ]


async def test_an_empty_vector_is_an_empty_list_and_says_why(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector())
        got = await it.ask(METRIC, user="hpa")
        assert (got.status, got.json["items"]) == (200, [])
        assert got.headers["X-Metric-Unavailable"] == "empty"


async def test_names_are_found_in_any_case_and_echoed_as_asked(tmp_path):
    async with adapter(tmp_path) as it:
        for name in ("backlog", "Backlog", "BACKLOG"):
            got = await it.ask(f"{ROOT}/namespaces/x/{name}", user="hpa")
            assert [item["metricName"] for item in got.json["items"]] == [name]
        # One query feeds all spellings.
        assert it.prometheus.queries == ["max(nsq:backlog:sum{}) by (consumer)"]
        assert (await it.ask(f"{METRIC[:-11]}queue%5Fdepth", user="hpa")).status == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/queue_depth",
        f"{ROOT}/namespaces/default",
        f"{ROOT}/namespaces/default/queue_depth/x",
        f"{ROOT}/namespaces//queue_depth",
        f"{ROOT}/namespaces/default/queue%2Fdepth",
        "/apis/external.metrics.k8s.io/v1",
    ],
)
async def test_other_paths_of_the_group_do_not_exist(tmp_path, path):
    async with adapter(tmp_path) as it:
        got = await it.ask(path, user="root")
        found = got.failure(404, "NotFound")
        assert found["message"] == "the server could not find the requested resource"
        assert it.prometheus.queries == []


async def test_unknown_metrics_and_paths(tmp_path):
    async with adapter(tmp_path) as it:
        for name in ("nope", "*", "externalmetrics"):
            got = await it.ask(f"{ROOT}/namespaces/default/{name}", user="root")
            assert f"could not find the metric {name}" in got.failure(404, "NotFound")["message"]
        got = await it.ask("/nowhere", user="root")
        assert got.status == 404
        assert ROOT in got.json["paths"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_reading_is_all_there_is(tmp_path, method):
    async with adapter(tmp_path) as it:
        for path in (METRIC, ROOT, "/apis", "/openapi/v2", "/version", "/metrics"):
            got = await it.ask(path, user="root", method=method)
            assert got.status == 405, path
            if method != "HEAD":
                got.failure(405, "MethodNotAllowed")


async def test_watching_is_refused(tmp_path):
    async with adapter(tmp_path) as it:
        got = await it.ask(f"{METRIC}?watch=true", user="root")
        assert "watch is not supported" in got.failure(405, "MethodNotAllowed")["message"]
        assert it.cluster.access_reviews[0]["resourceAttributes"]["verb"] == "watch"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("labelSelector=a%20b", "found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("labelSelector=a%3Db%2C", "found '', expected: identifier after ','"),
        ("labelSelector=a%3D%22b%22", "Invalid value"),
        ("labelSelector=a%3E1", 'operator ">" on label "a" is not supported'),
        ("labelSelector=app.kubernetes.io%2Fname%3Dx", '"app.kubernetes.io/name" cannot be'),
        ("timeout=soon", "invalid timeout specified in the request URL"),
        ("limit=many", "is not an integer"),
        ("fieldSelector=spec.x%3D1", "field label not supported: spec.x"),
    ],
)
async def test_bad_parameters_are_explained(tmp_path, query, message):
    async with adapter(tmp_path) as it:
        got = await it.ask(f"{METRIC}?{query}", user="root")
        assert message in got.failure(400, "BadRequest")["message"]
        assert it.prometheus.queries == []


@pytest.mark.parametrize(
    ("query", "matchers"),
    [
        ("labelSelector=queue%3Da&labelSelector=queue%3Db", 'queue="a",'),
        ("labelselector=queue%3Da", ""),
        ("labelSelector=queue+in+(a,b)", 'queue=~"a|b",'),
        ("labelSelector=a%ZZ", ""),
        ("metricLabelSelector=x%3Dy&unknown=1&continue=abc&resourceVersion=0", ""),
        ("fieldSelector=metadata.name%3Dx&limit=500", ""),
        ("timeout=32s&pretty=false", ""),
    ],
)
async def test_parameters_that_are_taken_or_ignored(tmp_path, query, matchers):
    async with adapter(tmp_path) as it:
        assert (await it.ask(f"{METRIC}?{query}", user="root")).status == 200
        expected = f'sum(queue_depth{{{matchers}namespace="default"}}) by (queue)'
        assert it.prometheus.queries == [expected]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("*/*", 200),
        ("application/*", 200),
        ("application/vnd.kubernetes.protobuf, */*", 200),
        ("application/json; charset=utf-8", 200),
        (f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", 200),
        ("application/vnd.kubernetes.protobuf", 406),
        (TABLE, 406),
        ("text/html", 406),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", 406),
    ],
)
async def test_json_is_served_whenever_it_may_be(tmp_path, accept, status):
    async with adapter(tmp_path) as it:
        headers = {} if accept is None else {"Accept": accept}
        for path in (METRIC, ROOT):
            got = await it.ask(path, user="root", headers=headers)
            assert got.status == status
            assert got.headers["Content-Type"] == "application/json"
            if status == 406:
                got.failure(406, "NotAcceptable")


async def test_people_get_indented_documents(tmp_path):
    async with adapter(tmp_path) as it:
        plain = await it.ask(METRIC, user="root")
        assert plain.body.count(b"\n") == 1
        for query, agent in (("?pretty=true", "test"), ("", "curl/8.0")):
            got = await it.ask(f"{METRIC}{query}", user="root", headers={"User-Agent": agent})
            assert got.body.startswith(b'{\n  "items": [')
            assert got.json == plain.json
        got = await it.ask(f"{METRIC}?pretty=0", user="root", headers={"User-Agent": "curl/8"})
        assert got.body == plain.body


async def test_legacy_discovery(tmp_path):
    async with adapter(tmp_path) as it:
        groups = (await it.ask("/apis", user="root")).json
        assert [group["name"] for group in groups["groups"]] == ["external.metrics.k8s.io"]
        group = (await it.ask("/apis/external.metrics.k8s.io/", user="root")).json
        assert group["preferredVersion"]["version"] == "v1beta1"
        resources = (await it.ask(f"{ROOT}/", user="root")).json
        assert resources["groupVersion"] == "external.metrics.k8s.io/v1beta1"
        # Folded and in order: clients lower-case names on the way.
        assert [one["name"] for one in resources["resources"]] == ["backlog", "queue_depth"]
        assert resources["resources"][0] == {
            "name": "backlog",
            "singularName": "",
            "namespaced": True,
            "kind": "ExternalMetricValueList",
            "verbs": ["get"],
        }


@pytest.mark.parametrize(("accept", "version"), [(V2, "v2"), (V2BETA1, "v2beta1")])
async def test_aggregated_discovery_with_entity_tags(tmp_path, accept, version):
    async with adapter(tmp_path) as it:
        headers = {"Accept": f"{accept},application/json"}
        got = await it.ask("/apis", user="root", headers=headers)
        assert got.headers["Content-Type"] == accept
        assert got.headers["Vary"] == "Accept"
        assert got.json["apiVersion"] == f"apidiscovery.k8s.io/{version}"
        (served,) = got.json["items"][0]["versions"]
        assert [one["resource"] for one in served["resources"]] == ["backlog", "queue_depth"]
        assert served["resources"][0]["responseKind"]["kind"] == "ExternalMetricValueList"
        headers["If-None-Match"] = got.headers["ETag"]
        again = await it.ask("/apis", user="root", headers=headers)
        assert (again.status, again.body) == (304, b"")


async def test_discovery_of_an_unknown_version_alone_is_not_acceptable(tmp_path):
    async with adapter(tmp_path) as it:
        accept = V2.replace("v=v2", "v=v3")
        (await it.ask("/apis", user="root", headers={"Accept": accept})).failure(
            406, "NotAcceptable"
        )
        got = await it.ask("/apis", user="root", headers={"Accept": f"{accept},{V2}"})
        assert got.headers["Content-Type"] == V2


async def test_without_rules_the_group_is_served_with_a_placeholder(tmp_path):
    async with adapter(tmp_path, rules="rules: []\n") as it:
        got = (await it.ask(ROOT, user="root")).json
        assert [one["name"] for one in got["resources"]] == ["externalmetrics"]


async def test_openapi_documents_resolve(tmp_path):
    async with adapter(tmp_path) as it:
        v2 = await it.ask("/openapi/v2", user="root")
        again = await it.ask(
            "/openapi/v2", user="root", headers={"If-None-Match": v2.headers["ETag"]}
        )
        assert again.status == 304
        index = (await it.ask("/openapi/v3", user="root")).json
        where = index["paths"]["apis/external.metrics.k8s.io/v1beta1"]["serverRelativeURL"]
        v3 = await it.ask(where, user="root")
        assert v3.headers["Cache-Control"] == "public, immutable"
        for document in (v2.json, v3.json):
            assert list(document["paths"]) == [f"{ROOT}/namespaces/{{namespace}}/{{resource}}"]
            for reference in _references(document):
                node = document
                for step in reference.removeprefix("#/").split("/"):
                    node = node[step]
                assert "type" in node


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


async def test_version_index_and_health(tmp_path):
    async with adapter(tmp_path) as it:
        version = (await it.ask("/version", user="root")).json
        assert all(isinstance(value, str) for value in version.values())
        assert "/metrics" in (await it.ask("/", user="root")).json["paths"]
        verbose = (await it.ask("/readyz?verbose", user="root")).body.decode()
        assert "[+]front-proxy-authority ok" in verbose
        assert "[+]prometheus failed" in verbose
        assert verbose.endswith("readyz check passed\n")
        assert (await it.ask("/readyz/serving-certificate", user="root")).body == b"ok"
        # The exact paths are open, what lies below is not.
        assert (await it.ask("/readyz/serving-certificate")).status == 403


async def test_readiness_falls_with_the_certificate_and_on_shutdown(tmp_path):
    async with adapter(tmp_path) as it:
        assert (await it.ask("/readyz")).status == 200
        it.server.draining = True
        assert (await it.ask("/readyz")).status == 500
        assert (await it.ask("/livez")).status == 200
        assert (await it.ask(METRIC, user="hpa")).status == 200
        it.server.draining = False
        it.clock.ahead += 1000 * 365 * 24 * 3600
        assert b"serving-certificate failed" in (await it.ask("/readyz")).body


async def test_own_metrics_count_what_happened(tmp_path):
    async with adapter(tmp_path) as it:
        await it.ask(METRIC, user="hpa")
        await it.ask(METRIC, user="hpa")
        await it.ask(METRIC, user="eve")
        text = (await it.ask("/metrics", user="root")).body.decode()
        for line in (
            'wpa_adapter_requests_total{code="200",kind="metric"} 2.0',
            'wpa_adapter_requests_total{code="403",kind="metric"} 1.0',
            'wpa_adapter_value_reads_total{source="cache"} 1.0',
            'wpa_adapter_value_reads_total{source="upstream"} 1.0',
            "wpa_adapter_rules 2.0",
            "wpa_adapter_upstream_up 1.0",
            'wpa_adapter_upstream_request_duration_seconds_count{outcome="success"} 1.0',
        ):
            assert line in text.splitlines()
        assert 'wpa_adapter_rule_last_result_timestamp_seconds{metric="queue_depth"}' in text


async def test_a_scraper_without_credentials_has_a_port_of_its_own(tmp_path):
    from kube.service.settings import Address

    async with adapter(tmp_path, metrics_address=Address("127.0.0.1", 0)) as it:
        session = await it.session()
        port = it.server.metrics_address.port
        async with session.get(f"http://127.0.0.1:{port}/metrics") as got:
            assert "wpa_adapter_build_info" in await got.text()
        async with session.get(f"http://127.0.0.1:{port}{METRIC}") as got:
            assert got.status == 404


async def test_a_body_with_a_refused_method_leaves_the_connection_usable(tmp_path):
    async with adapter(tmp_path) as it:
        got = await it.ask(METRIC, user="root", method="POST", body=json.dumps({"x": 1}).encode())
        got.failure(405, "MethodNotAllowed")
        assert (await it.ask(METRIC, user="root")).status == 200
