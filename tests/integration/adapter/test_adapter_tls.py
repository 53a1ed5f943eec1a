"""What TLS is spoken, and which certificate a client is shown."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from adapter.core.tls_policy import NamedFiles, TlsPolicy
from adapter.settings import ServingFiles
from tests.integration.adapter.kit.server import Harness, adapter, pem, until

pytestmark = pytest.mark.asyncio


async def shake_hands(
    it: Harness, *, name: str | None = None, authority: str = "", **limits: Any
) -> tuple[str, str, tuple[str, ...]]:
    """Version and cipher agreed on, and the names in the certificate that is shown."""
    context = ssl.create_default_context(cadata=pem(it.certificates.serving) + authority)
    context.check_hostname = False
    for limit, value in limits.items():
        if limit == "ciphers":
            context.set_ciphers(value)
        else:
            setattr(context, limit, value)
    _, writer = await asyncio.open_connection(
        "127.0.0.1", it.server.address.port, ssl=context, server_hostname=name or ""
    )
    tls = writer.get_extra_info("ssl_object")
    shown = tls.getpeercert()
    found = (tls.version(), tls.cipher()[0], tuple(value for _, value in shown["subjectAltName"]))
    writer.close()
    return found


def pair(folder: Path, authority: trustme.CA, file: str, *names: str) -> tuple[str, str]:
    """Write a pair for `names`; its files."""
    leaf = authority.issue_cert(*names)
    leaf.private_key_pem.write_to_path(folder / f"{file}.key")
    leaf.cert_chain_pems[0].write_to_path(folder / f"{file}.crt")
    return f"{folder}/{file}.crt", f"{folder}/{file}.key"


async def test_clients_are_shown_the_certificate_of_the_name_they_ask_for(tmp_path):
    other = trustme.CA()
    named = (
        NamedFiles(*pair(tmp_path, other, "a", "one.example", "two.example")),
        NamedFiles(
            *pair(tmp_path, other, "b", "*.b.example"), names=("two.example", "*.c.example")
        ),
        NamedFiles(*pair(tmp_path, other, "c", "late.example"), names=("two.example",)),
    )
    files = ServingFiles(f"{tmp_path}/tls.crt", f"{tmp_path}/tls.key", named=named)
    async with adapter(tmp_path, serving=files) as it:

        async def shown(name: str | None) -> tuple[str, ...]:
            return (await shake_hands(it, name=name, authority=pem(other)))[2]

        assert await shown("One.example") == ("one.example", "two.example")
        # What a flag spells out counts before what a certificate says, and earlier flags first.
        assert await shown("two.example") == ("*.b.example",)
        assert await shown("x.c.example") == ("*.b.example",)
        everybody = ("127.0.0.1", "localhost")
        for name in ("x.y.c.example", "x.b.example", "late.example", "localhost", None):
            assert set(await shown(name)) == set(everybody), name

        pair(tmp_path, other, "a", "one.example", "three.example")

        async def renewed() -> bool:
            return await shown("three.example") == ("one.example", "three.example")

        await until(renewed)


async def test_no_older_version_is_spoken_than_allowed(tmp_path):
    async with adapter(tmp_path) as it:
        agreed, _, _ = await shake_hands(it, maximum_version=ssl.TLSVersion.TLSv1_2)
        assert agreed == "TLSv1.2"
    async with adapter(tmp_path, tls=TlsPolicy("1.3")) as it:
        assert (await shake_hands(it))[0] == "TLSv1.3"
        with pytest.raises(OSError, match=r"^$|alert"):
            await shake_hands(it, maximum_version=ssl.TLSVersion.TLSv1_2)


async def test_no_other_cipher_is_spoken_than_allowed(tmp_path):
    only = "ECDHE-ECDSA-AES256-GCM-SHA384"
    old: dict[str, Any] = {"maximum_version": ssl.TLSVersion.TLSv1_2}
    async with adapter(tmp_path, tls=TlsPolicy(ciphers=only)) as it:
        assert (await shake_hands(it, **old))[1] == only
        with pytest.raises(OSError, match=r"^$|alert"):
            await shake_hands(it, **old, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
        assert (await shake_hands(it))[0] == "TLSv1.3"
