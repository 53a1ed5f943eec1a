"""The pages that tell why a metric is what it is, and the log of requests."""

import json
from typing import Any

import aiohttp
import pytest

from tests.integration.adapter.kit.prometheus import vector
from tests.integration.adapter.kit.server import METRIC, RULES, Harness, adapter
from tests.integration.adapter.test_adapter_process import started

pytestmark = pytest.mark.asyncio

QUERY = "/debug/query?namespace=default&metric=QUEUE_depth&labelSelector=queue%3Da"


async def told(it: Harness, path: str) -> Any:
    got = await it.ask(path, user="root")
    assert got.status == 200, got.body
    assert got.body.startswith(b"{\n  "), "laid out for people"
    return got.json


async def rule(it: Harness, metric: str) -> Any:
    (found,) = [one for one in (await told(it, "/debug/rules"))["rules"] if one["metric"] == metric]
    return found


async def test_rules_are_told_with_how_their_last_queries_went(tmp_path):
    rules = RULES + "  staleFor: 2m\n  onEmpty: zero\n  upstream: other\n"
    rules += "upstreams: {other: {url: 'http://hidden.example', headers: {X-Secret: s3cr3t}}}\n"
    async with adapter(tmp_path, rules=rules) as it:
        assert await rule(it, "queue_depth") == {
            "metric": "queue_depth",
            "place": f"{tmp_path}/rules.yaml:3: externalRules[0]",
            "series": "queue_depth",
            "namespaceLabel": "namespace",
            "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)",
            "timestampQuery": None,
            "upstream": "default",
            "options": {},
            "foundBySeries": False,
            "lastResultAgeSeconds": None,
        }
        other = await rule(it, "Backlog")
        assert (other["upstream"], other["namespaceLabel"]) == ("other", "")
        assert other["options"] == {"staleFor": "120s", "onEmpty": "zero"}

        await it.ask(METRIC, user="hpa")
        it.clock.ahead += 20
        assert 20 <= (await rule(it, "queue_depth"))["lastResultAgeSeconds"] < 21
        it.prometheus.says(b"<html>", status=502)
        it.clock.ahead += 100
        (await it.ask(METRIC, user="hpa")).failure(503, "ServiceUnavailable")
        it.clock.ahead += 7
        failed = await rule(it, "queue_depth")
        assert failed["lastError"] == "unavailable"
        assert 7 <= failed["lastErrorAgeSeconds"] < 8
        assert failed["lastResultAgeSeconds"] > 120
        body = (await it.ask("/debug/rules", user="root")).body
        assert b"hidden.example" not in body
        assert b"s3cr3t" not in body


async def test_a_query_is_explained(tmp_path):
    async with adapter(tmp_path) as it:
        it.prometheus.says(vector(({"queue": "a"}, "3"), ({"queue": "b"}, "4")))
        first = await told(it, QUERY)
        assert first.pop("ageSeconds") < 5
        assert first == {
            "metric": "queue_depth",
            "namespace": "default",
            "labelSelector": "queue=a",
            "rule": f"{tmp_path}/rules.yaml:3: externalRules[0]",
            "promql": 'sum(queue_depth{queue="a",namespace="default"}) by (queue)',
            "timestampQuery": None,
            "upstream": "default",
            "outcome": "success",
            "source": "upstream",
            "samples": 2,
        }
        assert (await told(it, QUERY))["source"] == "cache"
        it.prometheus.says(b"no JSON")
        it.clock.ahead += 10
        assert (await told(it, QUERY))["source"] == "stale"
        it.clock.ahead += 100
        failed = await told(it, QUERY)
        assert failed["outcome"] == "bad response"
        assert not {"source", "samples", "ageSeconds"} & failed.keys()


async def test_what_cannot_be_explained_is_a_status(tmp_path):
    async with adapter(tmp_path) as it:
        for path, code, reason in (
            ("/debug/query", 400, "BadRequest"),
            ("/debug/query?namespace=default", 400, "BadRequest"),
            ("/debug/query?namespace=default&metric=nope", 404, "NotFound"),
            (f"{QUERY}%20b", 400, "BadRequest"),
        ):
            (await it.ask(path, user="root")).failure(code, reason)
        posted = await it.ask("/debug/rules", user="root", method="POST")
        posted.failure(405, "MethodNotAllowed")


async def test_only_those_may_see_it_who_may_get_the_path(tmp_path):
    async with adapter(tmp_path) as it:
        it.cluster.allowed = lambda spec: (
            spec.get("nonResourceAttributes") == {"path": "/debug/rules", "verb": "get"}
        )
        assert (await it.ask("/debug/rules", user="eve")).status == 200
        refused = (await it.ask(QUERY, user="eve")).failure(403, "Forbidden")
        assert refused["message"].startswith('forbidden: User "eve" cannot get path "/debug/query"')
        assert it.prometheus.queries == []


async def test_both_pages_are_listed(tmp_path):
    async with adapter(tmp_path) as it:
        paths = (await it.ask("/", user="root")).json["paths"]
        assert {"/debug/query", "/debug/rules"} <= set(paths)


async def test_requests_are_logged_at_debug_without_anything_secret(tmp_path):
    async with started(tmp_path, "-v=4") as (_, base, _, lines):
        token = {"Authorization": "Bearer t0k3n"}
        async with aiohttp.ClientSession() as session:
            for path in (f"{METRIC}?labelSelector=queue%3Da", f"{METRIC}?token=t0k3n"):
                async with session.get(base + path, ssl=False):
                    pass
            async with session.get(f"{base}/apis", ssl=False, headers=token) as got:
                assert got.status == 401
        logged = [line for line in lines if line["msg"] == "request"]
        assert [one.pop("seconds") > 0 for one in logged] == [True] * 3
        common = {"level": "debug", "logger": "http", "msg": "request", "method": "GET"}
        for one in logged:
            del one["ts"]
        anonymous = common | {"path": METRIC, "user": "system:anonymous", "code": 200}
        assert logged == [
            anonymous | {"source": "upstream"},
            anonymous | {"source": "upstream"},
            common | {"path": "/apis", "user": "", "code": 401, "source": ""},
        ]
        assert "t0k3n" not in json.dumps(lines)


async def test_requests_are_not_logged_otherwise(tmp_path):
    async with (
        started(tmp_path) as (_, base, _, lines),
        aiohttp.ClientSession() as session,
        session.get(base + METRIC, ssl=False) as got,
    ):
        assert got.status == 200
    assert "request" not in [line["msg"] for line in lines]
