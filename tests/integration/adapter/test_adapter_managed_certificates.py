"""Certificates that the adapter makes itself: shared by replicas, known to the API server."""

import asyncio
import base64
import ssl
from typing import Any

import aiohttp
import pytest
import structlog
from structlog.testing import LogCapture

from adapter import managed_certificates
from adapter.settings import ApiServers, ServingFiles
from kube.service.runtime import UsageError
from tests.integration.adapter.kit.apiserver import FakeApiServer, kubeconfig
from tests.integration.adapter.kit.server import Harness, adapter, until

pytestmark = pytest.mark.asyncio

MANAGED = ServingFiles(managed="adapters/wpa-adapter-tls")
HOST = "wpa-adapter.adapters.svc"
DAYS = 24 * 3600.0


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """A minute between looks is long for a test."""
    monkeypatch.setattr(managed_certificates, "EVERY", 0.05)
    monkeypatch.setattr(managed_certificates, "SOON", 0.05)


def bundle(cluster: FakeApiServer) -> str:
    """What the API server verifies by."""
    return base64.b64decode(cluster.objects.service["spec"].get("caBundle", "")).decode()


class Said:
    """What the module logged so far, however logging is set up in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._capture = LogCapture()
        wrapper = structlog.make_filtering_bound_logger(0)
        logger = structlog.wrap_logger(
            structlog.PrintLogger(), processors=[self._capture], wrapper_class=wrapper
        )
        monkeypatch.setattr(managed_certificates, "_log", logger)

    def __call__(self) -> str:
        return "\n".join(str(entry) for entry in self._capture.entries)


def secret(cluster: FakeApiServer) -> dict[str, bytes]:
    data = cluster.objects.secrets["wpa-adapter-tls"]["data"]
    return {key: base64.b64decode(value) for key, value in data.items()}


async def verified(it: Harness, cluster: FakeApiServer) -> bytes:
    """The certificate that a new connection is shown, verified as an API server does."""
    context = ssl.create_default_context(cadata=bundle(cluster))
    _, writer = await asyncio.open_connection(
        "127.0.0.1", it.server.address.port, ssl=context, server_hostname=HOST
    )
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


async def ready(it: Harness) -> bool:
    session = await it.session()
    async with session.get(f"{it.base}/readyz", ssl=False) as got:
        return got.status == 200


def servers(tmp_path: Any) -> dict[str, Any]:
    names = f"{tmp_path}/kubeconfig"
    return {"api_servers": ApiServers(names, names, names), "serving": MANAGED}


async def test_the_api_server_can_verify_what_was_made(tmp_path):
    async with adapter(tmp_path, **servers(tmp_path)) as it:
        await until(lambda: ready(it))
        await until(lambda: bundle(it.cluster))
        await verified(it, it.cluster)
        assert it.cluster.objects.service["spec"]["insecureSkipTLSVerify"] is False
        made = it.cluster.objects.secrets["wpa-adapter-tls"]
        assert (made["type"], set(made["data"])) == (
            "kubernetes.io/tls",
            {"ca.crt", "ca.key", "tls.crt", "tls.key"},
        )
        assert it.cluster.objects.changes == [("POST", "secret"), ("PATCH", "apiservice")]


async def test_replicas_share_one_certificate(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with adapter(tmp_path / "a", **servers(tmp_path / "a")) as one:
        (tmp_path / "shared").write_text(kubeconfig(one.cluster.url))
        name = f"{tmp_path}/shared"
        shared: dict[str, Any] = {"api_servers": ApiServers(name, name, name), "serving": MANAGED}
        async with adapter(tmp_path / "b", **shared) as other:
            await until(lambda: bundle(one.cluster))
            await until(lambda: ready(other))
            shown = [await verified(it, one.cluster) for it in (one, other)]
            assert shown[0] == shown[1]
            assert one.cluster.objects.changes.count(("POST", "secret")) == 1


async def test_rotation_leaves_no_caller_without_a_way_in(tmp_path):
    def begin(it_clock: Any) -> None:
        it_clock.ahead = -244 * DAYS

    async with adapter(tmp_path, clocked=begin, **servers(tmp_path)) as it:
        await until(lambda: bundle(it.cluster))
        first = secret(it.cluster)
        # Real callers live now: the certificate of 244 days ago is of no use to them, a later is.
        it.clock.ahead = -30 * DAYS
        await until(lambda: secret(it.cluster)["tls.crt"] != first["tls.crt"])
        renewed = secret(it.cluster)
        assert renewed["ca.crt"] == first["ca.crt"]
        context = ssl.create_default_context(cadata=bundle(it.cluster))
        opened = 0
        trace = aiohttp.TraceConfig()

        async def count(*_: Any) -> None:
            nonlocal opened
            opened += 1

        trace.on_connection_create_end.append(count)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:

            async def old_connection() -> int:
                async with session.get(
                    f"{it.base}/livez", ssl=context, server_hostname=HOST
                ) as got:
                    return got.status

            async def serves_renewed() -> bool:
                try:
                    return bool(await verified(it, it.cluster))
                except ssl.SSLError:
                    return False

            await until(serves_renewed)
            assert await old_connection() == 200
            before = await verified(it, it.cluster)
            it.clock.ahead = 0.0
            shown = {before}
            while secret(it.cluster)["tls.crt"] == renewed["tls.crt"] or len(shown) < 2:
                shown.add(await verified(it, it.cluster))
                assert await old_connection() == 200
            after = secret(it.cluster)["ca.crt"]
            assert after.endswith(first["ca.crt"])
            assert after.count(b"BEGIN CERTIFICATE") == 2
            assert bundle(it.cluster).encode() == after
        assert opened == 1, "the connection from before was in use all the time"
        # Who has not heard of the new authority yet could verify until it began to sign.
        assert it.cluster.objects.changes[-2:] == [("PATCH", "apiservice"), ("PATCH", "secret")]


async def test_without_permission_it_stays_unready_and_says_what_to_do(tmp_path, monkeypatch):
    def refuse(cluster: FakeApiServer) -> None:
        cluster.objects.forbidden = {"POST"}

    said = Said(monkeypatch)
    async with adapter(tmp_path, before=refuse, **servers(tmp_path)) as it:
        session = await it.session()
        async with session.get(f"{it.base}/readyz?verbose", ssl=False) as got:
            unready = (got.status, await got.text())
        assert unready[0] == 500
        assert "[-]serving-certificate" in unready[1]

        await until(lambda: "apply manifests/components/managed-certificates" in said())
        it.cluster.objects.forbidden.clear()
        await until(lambda: ready(it))
        assert said().count("serving certificates cannot be managed") == 1


async def test_a_secret_of_somebody_else_is_left_alone(tmp_path, monkeypatch):
    other = {
        "metadata": {"name": "wpa-adapter-tls", "resourceVersion": "7"},
        "data": {"tls.crt": "eA==", "tls.key": "eA=="},
    }

    def occupy(cluster: FakeApiServer) -> None:
        cluster.objects.secrets["wpa-adapter-tls"] = other

    said = Said(monkeypatch)
    async with adapter(tmp_path, before=occupy, **servers(tmp_path)) as it:
        await until(lambda: "delete it and it is made anew" in said())
        assert it.cluster.objects.changes == []
        assert not await ready(it)


async def test_an_empty_secret_is_filled(tmp_path):
    def prepare(cluster: FakeApiServer) -> None:
        meta = {"name": "wpa-adapter-tls", "resourceVersion": "7"}
        cluster.objects.secrets["wpa-adapter-tls"] = {"metadata": meta}

    async with adapter(tmp_path, before=prepare, **servers(tmp_path)) as it:
        await until(lambda: bundle(it.cluster))
        assert it.cluster.objects.changes[0] == ("PATCH", "secret")
        await verified(it, it.cluster)


@pytest.mark.parametrize(
    "serving",
    [
        ServingFiles(managed="no-namespace"),
        ServingFiles(managed="a/b", folder="/x"),
        ServingFiles(managed="a/b", certificate="/x", key="/y"),
    ],
)
async def test_what_does_not_fit_together_is_refused(tmp_path, serving):
    with pytest.raises(UsageError, match="--tls-managed-secret"):
        async with adapter(tmp_path, serving=serving):
            pass
