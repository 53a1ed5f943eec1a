"""What changes while the server runs: rules, certificates."""

import asyncio
import ssl

import pytest
import trustme

from adapter import tls
from adapter.certificates import KeyPair, kept_pair, self_signed
from adapter.settings import ServingFiles
from kube.vocab.times import SystemClock
from tests.integration.adapter.kit.server import METRIC, ROOT, RULES, Harness, adapter, pem, until

pytestmark = pytest.mark.asyncio

OTHER = RULES.replace("queue_depth", "queue_length")


async def gauge(it: Harness, line: str) -> bool:
    return line in (await it.ask("/metrics", user="root")).body.decode().splitlines()


async def test_rules_are_read_again_on_request(tmp_path):
    async with adapter(tmp_path) as it:
        assert (await it.ask(METRIC, user="hpa")).status == 200
        (tmp_path / "rules.yaml").write_text(OTHER)
        it.server.reload.set()

        async def served():
            return (await it.ask(METRIC, user="hpa")).status == 404

        await until(served)
        names = [one["name"] for one in (await it.ask(ROOT, user="root")).json["resources"]]
        assert names == ["backlog", "queue_length"]
        assert (await it.ask(f"{ROOT}/namespaces/x/queue_length", user="hpa")).status == 200


async def test_rules_are_read_again_when_the_file_changes(tmp_path):
    async with adapter(tmp_path) as it:
        (tmp_path / "new").write_text(OTHER)
        (tmp_path / "new").rename(tmp_path / "rules.yaml")

        async def served():
            return (await it.ask(METRIC, user="hpa")).status == 404

        await until(served)


async def test_a_bad_file_leaves_the_old_rules_and_shows(tmp_path):
    async with adapter(tmp_path) as it:
        assert await gauge(it, "wpa_adapter_config_last_reload_successful 1.0")
        (tmp_path / "rules.yaml").write_text("externalRules: [{seriesQuery: 'm', metricQuery: x}]")
        it.server.reload.set()

        async def noticed():
            return await gauge(it, "wpa_adapter_config_last_reload_successful 0.0")

        await until(noticed)
        assert (await it.ask(METRIC, user="hpa")).status == 200
        assert (await it.ask("/readyz")).status == 200
        (tmp_path / "rules.yaml").unlink()
        it.server.reload.set()
        assert (await it.ask(METRIC, user="hpa")).status == 200
        (tmp_path / "rules.yaml").write_text(RULES)
        it.server.reload.set()

        async def healed():
            return await gauge(it, "wpa_adapter_config_last_reload_successful 1.0")

        await until(healed)


async def test_a_renewed_serving_certificate_reaches_new_connections_alone(tmp_path):
    async with adapter(tmp_path) as it:
        assert (await it.ask("/readyz")).status == 200
        authority = trustme.CA()
        leaf = authority.issue_cert("127.0.0.1")
        # The key first: until the certificate follows, the pair does not fit and is not taken.
        leaf.private_key_pem.write_to_path(tmp_path / "tls.key")
        leaf.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
        context = ssl.create_default_context(cadata=pem(authority))

        async def renewed():
            session = await it.session()
            try:
                async with session.get(f"{it.base}/readyz", ssl=context) as got:
                    return got.status == 200
            except OSError:
                return False

        await until(renewed)
        # The connection from before is still in use and still good.
        assert (await it.ask("/readyz")).status == 200


async def test_without_files_the_certificate_is_made_in_memory(tmp_path):
    async with adapter(tmp_path, serving=ServingFiles()) as it:
        session = await it.session()
        async with session.get(f"{it.base}/readyz", ssl=False) as got:
            assert got.status == 200


async def test_a_kept_certificate_is_used_again_until_it_expires(tmp_path):
    now = SystemClock().now()
    folder = str(tmp_path / "certificates")
    certificate, key = kept_pair(folder, now)
    first = (tmp_path / "certificates" / "apiserver.crt").read_bytes()
    assert (tmp_path / "certificates" / "apiserver.key").stat().st_mode & 0o777 == 0o600
    ssl.create_default_context().load_cert_chain(certificate, key)
    kept_pair(folder, now)
    assert (tmp_path / "certificates" / "apiserver.crt").read_bytes() == first
    kept_pair(folder, now + 366 * 24 * 3600 * 1000)
    assert (tmp_path / "certificates" / "apiserver.crt").read_bytes() != first


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a directory"])
async def test_a_self_signed_certificate_is_renewed_long_before_it_expires(
    tmp_path, monkeypatch, kept
):
    monkeypatch.setattr(tls, "RENEWAL_LOOK", 0.05)
    serving = ServingFiles(folder=f"{tmp_path}/certificates" if kept else "")
    async with adapter(tmp_path, serving=serving) as it:

        async def shown() -> str:
            return await asyncio.to_thread(
                ssl.get_server_certificate, ("127.0.0.1", it.server.address.port)
            )

        first = await shown()
        it.clock.ahead = 200 * 24 * 3600
        await asyncio.sleep(0.2)
        assert await shown() == first
        it.clock.ahead = 250 * 24 * 3600

        async def renewed() -> bool:
            return await shown() != first

        await until(renewed)


async def test_a_certificate_of_somebody_else_is_not_renewed(tmp_path):
    now = SystemClock().now()
    leaf = trustme.CA().issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(tmp_path / "apiserver.key")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "apiserver.crt")
    before = (tmp_path / "apiserver.crt").read_bytes()
    end = KeyPair(before, b"").not_after()
    kept_pair(str(tmp_path), round(end * 1000) - 1000)
    assert (tmp_path / "apiserver.crt").read_bytes() == before
    assert now < end * 1000


async def test_a_made_certificate_names_this_machine():
    pair = self_signed(SystemClock().now())
    assert pair.not_after() > SystemClock().now() / 1000 + 300 * 24 * 3600
