"""As kube-apiserver's aggregator sees it: available, whatever happens around it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from tests.integration.adapter.kit.aggregator import Aggregator, Discovered
from tests.integration.adapter.kit.server import (
    METRIC,
    ROOT,
    RULES,
    Harness,
    adapter,
    client_certificate,
    pem,
    until,
)

pytestmark = pytest.mark.asyncio
NAMES = ("backlog", "queue_depth")


def as_the_stock_roles(spec):
    """`system:discovery`: who is authenticated may read discovery and OpenAPI, and no more."""
    path = spec.get("nonResourceAttributes", {}).get("path", "")
    return "system:authenticated" in spec["groups"] and path.startswith(("/apis", "/openapi"))


@contextlib.asynccontextmanager
async def aggregated(folder, **changes) -> AsyncIterator[tuple[Harness, Aggregator]]:
    async with adapter(folder, **changes) as it:
        it.cluster.allowed = as_the_stock_roles
        yield it, Aggregator(it)


@contextlib.asynccontextmanager
async def probing(aggregator: Aggregator) -> AsyncIterator[None]:
    """Probes without a pause while the context is open; every round has to succeed."""
    rounds: list[bool] = []

    async def probe() -> None:
        while True:
            rounds.append(await aggregator.available())

    task = asyncio.create_task(probe())
    try:
        yield
        await until(lambda: len(rounds) > 2)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert all(rounds)


async def everything_is_read(aggregator: Aggregator) -> None:
    assert await aggregator.available()
    assert (await aggregator.discover()).resources == NAMES
    v2, v3 = await aggregator.openapi_v2(), await aggregator.openapi_v3()
    assert (v2.status, v2.document["swagger"]) == (200, "2.0")
    assert (v3.status, v3.document["openapi"]) == (200, "3.0.0")


async def test_a_first_look_and_a_second_one(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator):
        assert await aggregator.discover() == Discovered("aggregated", NAMES)
        assert await aggregator.discover() == Discovered("unchanged", NAMES)
        await everything_is_read(aggregator)
        await everything_is_read(aggregator)
        assert it.prometheus.queries == []


@pytest.mark.parametrize(
    ("versions", "by"), [(("v2beta1",), "aggregated"), (("v3",), "legacy"), (("v2",), "aggregated")]
)
async def test_api_servers_of_every_age(tmp_path, versions, by):
    """One that is not understood falls back, as a plain account without groups."""
    async with aggregated(tmp_path) as (it, _):
        aggregator = Aggregator(it, versions)
        assert await aggregator.discover() == Discovered(by, NAMES)


async def test_other_documents_do_not_exist(tmp_path):
    async with aggregated(tmp_path) as (it, _):
        for path in ("/openapi/v3/apis/apps/v1", "/openapi/v3/api/v1", "/openapi", "/swagger.json"):
            assert (await it.ask(path, user="x")).status in (403, 404)
            headers = {"X-Remote-Group": "system:masters"}
            assert (await it.ask(path, user="x", headers=headers)).status == 404


async def test_prometheus_down_is_nothing_to_it(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator):
        it.prometheus.says(b"", 503)
        await it.ask(METRIC, user="x", headers={"X-Remote-Group": "system:masters"})
        await everything_is_read(aggregator)


async def test_two_hundred_requests_that_wait_for_prometheus_are_nothing_to_it(tmp_path):
    async with aggregated(tmp_path, query_timeout=20) as (it, aggregator):
        it.prometheus.stalls()
        masters = {"X-Remote-Group": "system:masters"}
        waiting = [
            asyncio.create_task(
                it.ask(f"{METRIC}?labelSelector=queue%3Dq{n}", user="x", headers=masters)
            )
            for n in range(200)
        ]
        await until(lambda: it.prometheus.queries)
        await everything_is_read(aggregator)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_an_api_server_that_answers_no_review_still_gets_its_probes(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator):
        it.cluster.broken = True
        assert await aggregator.available()
        assert await aggregator.discover() == Discovered("aggregated", NAMES)
        # A plain account needs a review: refused with a Status, and read again later.
        assert (await aggregator.openapi_v2()).status == 503
        it.cluster.broken = False
        await everything_is_read(aggregator)


async def test_discovery_follows_a_reload_and_survives_a_bad_one(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator), probing(aggregator):
        assert (await aggregator.discover()).resources == NAMES
        (tmp_path / "rules.yaml").write_text(RULES.replace("queue_depth", "queue_length"))
        it.server.reload.set()

        async def followed():
            return (await aggregator.discover()).resources == ("backlog", "queue_length")

        await until(followed)
        (tmp_path / "rules.yaml").write_text("externalRules: [")
        it.server.reload.set()
        await until(lambda: not it.server.reload.is_set())
        assert await aggregator.discover() == Discovered("unchanged", ("backlog", "queue_length"))


async def test_it_is_served_while_the_server_drains(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator):
        it.server.draining = True
        assert (await it.ask("/readyz")).status == 500
        await everything_is_read(aggregator)


async def test_a_renewed_serving_certificate_is_not_noticed(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator), probing(aggregator):
        leaf = it.certificates.serving.issue_cert("127.0.0.1", "new.example")
        leaf.private_key_pem.write_to_path(tmp_path / "tls.key")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
        await until(lambda: _names(it, "new.example"))


async def _names(it: Harness, name: str) -> bool:
    _, writer = await asyncio.open_connection(
        "127.0.0.1",
        it.server.address.port,
        ssl=ssl.create_default_context(cadata=pem(it.certificates.serving)),
    )
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return any(found == name for _, found in certificate["subjectAltName"])


async def test_a_new_authority_of_the_front_proxy_takes_over_without_a_gap(tmp_path):
    async with aggregated(tmp_path) as (it, aggregator):
        await until(lambda: it.cluster.watchers)
        async with probing(aggregator):
            coming = trustme.CA()
            both = pem(it.certificates.proxies) + pem(coming)
            it.cluster.publish(it.certificates.trust(**{"requestheader-client-ca-file": both}))
            new = client_certificate(coming, "front-proxy-client")

            async def trusted():
                with contextlib.suppress(OSError):
                    got = await it.ask(
                        ROOT,
                        certificate=new,
                        headers={"X-Remote-User": "x", "X-Remote-Group": "system:masters"},
                    )
                    return got.status == 200
                return False

            await until(trusted)
            it.proxy = new
            it.cluster.publish(
                it.certificates.trust(**{"requestheader-client-ca-file": pem(coming)})
            )
        await everything_is_read(aggregator)
