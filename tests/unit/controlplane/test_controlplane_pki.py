"""Certificates of the test bed, proven by handshakes."""

import asyncio
import base64
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.controlplane import kubeconfigs
from tests.controlplane.pki import Authority, Pair, Pki


def names(pair: Pair) -> tuple[Any, Any]:
    subject = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).subject
    (user,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    (group,) = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return user.value, group.value


async def trusted(client: Pair, clients: Path, pki: Pki, name: str = "localhost") -> bool:
    """Whether a server of the cluster that verifies `client` against `clients` speaks to it."""
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    accepting.verify_mode = ssl.CERT_REQUIRED
    accepting.load_cert_chain(pki.serving.certificate, pki.serving.key)
    calling = ssl.create_default_context(cafile=pki.cluster.file)
    calling.load_cert_chain(client.certificate, client.key)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=accepting)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=calling, server_hostname=name
        )
        # With TLS 1.3 the refusal comes after the client's half of the handshake, or an end does.
        with suppress(ssl.SSLError, ConnectionError):
            greeting = await reader.read()
            writer.close()
            await writer.wait_closed()
            return greeting == b"welcome"
        return False


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_administrator_and_server_trust_each_other(tmp_path: Path, name: str):
    pki = Pki(tmp_path)
    assert await trusted(pki.admin, pki.cluster.file, pki, name)
    assert names(pki.admin) == ("test-admin", "system:masters")


@pytest.mark.asyncio
async def test_authorities_do_not_vouch_for_each_other(tmp_path: Path):
    pki = Pki(tmp_path)
    assert await trusted(pki.proxy_client, pki.front_proxy.file, pki)
    assert not await trusted(pki.proxy_client, pki.cluster.file, pki)
    assert not await trusted(pki.admin, pki.front_proxy.file, pki)


@pytest.mark.asyncio
async def test_rotation_keeps_the_old_authority_for_those_who_still_use_it(tmp_path: Path):
    pki = Pki(tmp_path)
    before = pki.front_proxy.client(tmp_path, "front-proxy-client-before")
    old_bundle = tmp_path / "old.pem"
    old_bundle.write_bytes(pki.front_proxy.file.read_bytes())
    pki.rotate_front_proxy()
    for client in (before, pki.proxy_client):
        assert await trusted(client, pki.front_proxy.file, pki)
    assert not await trusted(pki.proxy_client, old_bundle, pki)


def test_token_kubeconfig_proves_nothing_but_the_token(tmp_path: Path):
    authority = Authority(tmp_path / "ca.pem", "test")
    file = kubeconfigs.with_token(
        tmp_path / "robot", "https://127.0.0.1:1", authority.file, "secret", "apps"
    )
    content = yaml.safe_load(file.read_text())
    assert content["users"] == [{"name": "test", "user": {"token": "secret"}}]
    assert content["contexts"][0]["context"]["namespace"] == "apps"
    trusted = content["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(trusted) == authority.pem
    assert file.stat().st_mode & 0o077 == 0
