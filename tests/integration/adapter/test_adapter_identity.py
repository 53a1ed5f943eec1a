"""Who may ask: front proxy, client certificates, tokens, forgeries, reviews."""

import asyncio
import ssl

import aiohttp
import pytest

from tests.integration.adapter.kit.server import (
    METRIC,
    ROOT,
    adapter,
    client_certificate,
    pem,
    until,
)
from tests.integration.adapter.kit.wire import over_tls

pytestmark = pytest.mark.asyncio


async def test_the_front_proxy_speaks_for_a_user(tmp_path):
    async with adapter(tmp_path) as it:
        got = await it.ask(
            f"{METRIC}?labelSelector=queue%3Da",
            user="hpa",
            headers={"X-Remote-Group": "team", "X-Remote-Extra-Scopes%2FA": "one"},
        )
        assert got.status == 200
        assert it.cluster.access_reviews == [
            {
                "user": "hpa",
                "groups": ["team", "system:authenticated"],
                "extra": {"scopes/a": ["one"]},
                "resourceAttributes": {
                    "namespace": "default",
                    "verb": "list",
                    "group": "external.metrics.k8s.io",
                    "version": "v1beta1",
                    "resource": "queue_depth",
                },
            }
        ]


async def test_forged_headers_without_the_proxys_certificate_are_ignored(tmp_path):
    async with adapter(tmp_path) as it:
        session = await it.session()
        async with session.get(
            it.base + METRIC,
            headers={"X-Remote-User": "root", "X-Remote-Group": "system:masters"},
        ) as got:
            assert got.status == 403
            assert 'User "system:anonymous"' in (await got.json())["message"]
        assert it.cluster.access_reviews[0]["user"] == "system:anonymous"
        assert it.prometheus.queries == []


async def test_a_persons_certificate_cannot_forge_headers_even_with_the_proxys_name(tmp_path):
    async with adapter(tmp_path) as it:
        impostor = client_certificate(it.certificates.people, "front-proxy-client")
        got = await it.ask(
            METRIC,
            certificate=impostor,
            headers={"X-Remote-User": "root", "X-Remote-Group": "system:masters"},
        )
        message = got.failure(403, "Forbidden")["message"]
        assert 'User "front-proxy-client"' in message


async def test_a_proxy_certificate_of_another_name_is_refused(tmp_path):
    async with adapter(tmp_path) as it:
        other = client_certificate(it.certificates.proxies, "somebody-else")
        got = await it.ask(METRIC, certificate=other, headers={"X-Remote-User": "root"})
        assert got.failure(401, "Unauthorized")["message"] == "Unauthorized"
        assert it.cluster.access_reviews == []


async def test_no_allowed_names_means_any_name_of_the_proxys_authority(tmp_path):
    def any_name(certificates):
        return certificates.trust(**{"requestheader-allowed-names": "[]"})

    async with adapter(tmp_path, trust=any_name) as it:
        other = client_certificate(it.certificates.proxies, "somebody-else")
        got = await it.ask(METRIC, certificate=other, headers={"X-Remote-User": "root"})
        assert got.status == 200


async def test_the_proxy_without_a_user_is_refused(tmp_path):
    async with adapter(tmp_path) as it:
        got = await it.ask(METRIC, certificate=it.proxy, headers={"X-Remote-Group": "g"})
        got.failure(401, "Unauthorized")


async def test_a_certificate_of_another_authority_ends_the_handshake(tmp_path):
    async with adapter(tmp_path) as it:
        stranger = client_certificate(it.certificates.strangers, "front-proxy-client")
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
            await it.ask(METRIC, certificate=stranger, headers={"X-Remote-User": "root"})
        assert it.cluster.access_reviews == []


async def test_a_client_certificate_is_its_common_name_and_organisations(tmp_path):
    async with adapter(tmp_path) as it:
        alice = client_certificate(it.certificates.people, "alice", "operators")
        assert (await it.ask(METRIC, certificate=alice)).status == 200
        review = it.cluster.access_reviews[0]
        assert (review["user"], review["groups"]) == (
            "alice",
            ["operators", "system:authenticated"],
        )


async def test_tokens_are_reviewed_once_and_remembered(tmp_path):
    async with adapter(tmp_path) as it:
        it.cluster.tokens["good"] = {"username": "alice", "groups": ["g"]}
        for _ in range(3):
            got = await it.ask(METRIC, headers={"Authorization": "Bearer good"})
            assert got.status == 200
        bad = await it.ask(METRIC, headers={"Authorization": "Bearer bad"})
        bad.failure(401, "Unauthorized")
        health = await it.ask("/readyz", headers={"Authorization": "Bearer bad"})
        assert health.status == 401
        assert it.cluster.token_reviews == ["good", "bad"]
        it.clock.ahead += 11
        await it.ask(METRIC, headers={"Authorization": "Bearer good"})
        assert it.cluster.token_reviews == ["good", "bad", "good"]


async def test_refusals_say_what_was_refused(tmp_path):
    async with adapter(tmp_path) as it:
        metric = (await it.ask(METRIC, user="eve")).failure(403, "Forbidden")
        assert metric["message"] == (
            'queue_depth.external.metrics.k8s.io is forbidden: User "eve" cannot list resource '
            '"queue_depth" in API group "external.metrics.k8s.io" in the namespace "default": '
            "no rule says so"
        )
        assert metric["details"] == {"group": "external.metrics.k8s.io", "kind": "queue_depth"}
        path = (await it.ask("/metrics", user="eve")).failure(403, "Forbidden")
        assert path["message"].startswith('forbidden: User "eve" cannot get path "/metrics"')
        # Nothing else is learned by those who may not ask: not the method, not the existence.
        (await it.ask(METRIC, user="eve", method="DELETE")).failure(403, "Forbidden")
        (await it.ask(f"{ROOT}/namespaces/default/nope", user="eve")).failure(403, "Forbidden")
        verbs = [
            review["resourceAttributes"]["verb"]
            for review in it.cluster.access_reviews
            if "resourceAttributes" in review
        ]
        assert verbs == ["list", "deletecollection", "list"]


async def test_masters_and_health_need_no_review(tmp_path):
    async with adapter(tmp_path) as it:
        it.cluster.broken = True
        probe = await it.ask(
            ROOT, user="system:kube-aggregator", headers={"X-Remote-Group": "system:masters"}
        )
        assert probe.status == 200
        for path in ("/healthz", "/livez", "/readyz"):
            got = await it.ask(path)
            assert (got.status, got.body) == (200, b"ok")
        assert it.cluster.access_reviews == []


async def test_a_review_that_cannot_be_made_lets_nobody_in(tmp_path):
    async with adapter(tmp_path) as it:
        it.cluster.broken = True
        (await it.ask(METRIC, user="hpa")).failure(503, "ServiceUnavailable")
        got = await it.ask(METRIC, headers={"Authorization": "Bearer good"})
        got.failure(503, "ServiceUnavailable")
        it.cluster.broken = False
        assert (await it.ask(METRIC, user="hpa")).status == 200
        assert len(it.prometheus.queries) == 1


async def test_identical_reviews_share_one_call_and_both_verdicts_last_ten_seconds(tmp_path):
    async with adapter(tmp_path) as it:
        it.cluster.delay = 0.2
        answers = await asyncio.gather(*(it.ask(METRIC, user="hpa") for _ in range(20)))
        assert {got.status for got in answers} == {200}
        assert len(it.cluster.access_reviews) == 1
        it.cluster.delay = 0
        await it.ask(METRIC, user="eve")
        await it.ask(METRIC, user="eve")
        assert len(it.cluster.access_reviews) == 2
        it.clock.ahead += 10.5
        await it.ask(METRIC, user="hpa")
        await it.ask(METRIC, user="eve")
        assert len(it.cluster.access_reviews) == 4


async def test_a_new_front_proxy_authority_takes_effect_on_open_connections_too(tmp_path):
    async with adapter(tmp_path) as it:
        old = it.proxy

        async def refused() -> bool:
            return (await it.ask(METRIC, user="hpa", certificate=old)).status == 401

        assert not await refused()
        await until(lambda: it.cluster.watchers)
        changed = {"requestheader-client-ca-file": pem(it.certificates.strangers)}
        it.cluster.publish(it.certificates.trust(**changed))
        await until(refused)
        it.proxy = client_certificate(it.certificates.strangers, "front-proxy-client")
        assert (await it.ask(METRIC, user="hpa")).status == 200


async def test_an_unusable_trust_leaves_the_old_one(tmp_path):
    async with adapter(tmp_path) as it:

        async def noticed():
            metrics = (await it.ask("/metrics", user="root")).body
            return b"client_trust_last_read_successful 0.0" in metrics

        await until(lambda: it.cluster.watchers)
        it.cluster.publish(it.certificates.trust(**{"requestheader-client-ca-file": "rubbish"}))
        await until(noticed)
        assert (await it.ask(METRIC, user="hpa")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        b"X-Remote-User: \xc1\xff",
        b"X-Remote-User: hpa\r\nX-Remote-Group: \xff",
        b"X-Remote-User: hpa\r\nX-Remote-Extra-Scope: \xff",
        b"Authorization: Bearer \xff",
    ],
)
async def test_an_identity_that_is_not_utf8_is_nobodys(tmp_path, header):
    async with over_tls(tmp_path) as line:
        connection = await line.connect(line.harness.proxy)
        request = f"GET {METRIC} HTTP/1.1\r\nHost: a\r\n".encode() + header + b"\r\n\r\n"
        (await connection.ask(request)).failure(401, "Unauthorized")
        connection.close()
        assert line.harness.cluster.access_reviews == []
