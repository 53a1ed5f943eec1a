"""What one recorded exchange cannot show: what lasts, changes or counts. See also tests/golden."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.adapter.kit.server import METRIC, ROOT, adapter

pytestmark = pytest.mark.asyncio


async def test_names_are_found_in_any_case_and_echoed_as_asked(tmp_path):
    async with adapter(tmp_path) as it:
        for name in ("backlog", "Backlog", "BACKLOG"):
            got = await it.ask(f"{ROOT}/namespaces/x/{name}", user="hpa")
            assert [item["metricName"] for item in got.json["items"]] == [name]
        # One query feeds all spellings.
        assert it.prometheus.queries == ["max(nsq:backlog:sum{}) by (consumer)"]
        assert (await it.ask(f"{METRIC[:-11]}queue%5Fdepth", user="hpa")).status == 200


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
            'wpa_adapter_upstream_up{upstream="default"} 1.0',
            'wpa_adapter_upstream_request_duration_seconds_count{outcome="success",'
            'upstream="default"} 1.0',
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
