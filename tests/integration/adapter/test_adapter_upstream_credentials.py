"""Who we are at Prometheus, and whom we trust there: real TLS both ways, files that rotate."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from adapter.core.question import Question
from adapter.core.results import UpstreamError
from adapter.core.upstream import Upstream
from adapter.metrics import AdapterMetrics
from adapter.settings import UpstreamAuth
from adapter.upstreams import Upstreams
from kube.client.configuration import load_credentials
from kube.service.runtime import UsageError
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus
from tests.integration.adapter.kit.server import METRIC, SteppedClock, adapter, pem, until

pytestmark = pytest.mark.asyncio

OK = "wpa_adapter_upstream_credentials_last_read_successful"
M = Question("m")


class Place:
    """A Prometheus over TLS that wants client certificates, and the files to reach it with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = trustme.CA()
        self.clients = trustme.CA()
        self.seen: list[str] = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.serve(self.servers)
        self.tls.verify_mode = ssl.CERT_REQUIRED
        self.clients.configure_trust(self.tls)
        self.ca_file, self.certificate_file, self.key_file = (
            str(folder / name) for name in ("ca.crt", "tls.crt", "tls.key")
        )
        self.trust(self.servers)
        self.issue("one")

    def serve(self, authority: trustme.CA) -> None:
        """New connections get a certificate of `authority`."""
        authority.issue_cert("127.0.0.1").configure_cert(self.tls)

    def spoil(self, content: bytes) -> None:
        """Have something else where the client certificate should be."""
        Path(self.certificate_file).write_bytes(content)

    def trust(self, authority: trustme.CA) -> None:
        Path(self.ca_file).write_text(pem(authority))

    def issue(self, name: str, *, key: bool = True) -> None:
        leaf = self.clients.issue_cert(common_name=name)
        leaf.cert_chain_pems[0].write_to_path(self.certificate_file)
        if key:
            leaf.private_key_pem.write_to_path(self.key_file)
        self._leaf = leaf

    def issue_key(self) -> None:
        """The key of the certificate that was issued last."""
        self._leaf.private_key_pem.write_to_path(self.key_file)

    def upstream(self, url: str) -> Upstream:
        return Upstream(
            url,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
        )

    def watch(self, prometheus: FakePrometheus) -> None:
        """Remember whose certificate comes with each query."""
        answer = prometheus.behave

        async def behave(request, query):
            peer = request.transport.get_extra_info("peercert")
            names = dict(pair for part in peer["subject"] for pair in part)
            self.seen.append(f"{names['commonName']}:{id(request.transport)}")
            return await answer(request, query)

        prometheus.behave = behave


@asynccontextmanager
async def mutual(folder: Path) -> AsyncIterator[tuple[Place, Upstreams, AdapterMetrics]]:
    place, metrics = Place(folder), AdapterMetrics("test")
    async with fake_prometheus(place.tls) as prometheus:
        place.watch(prometheus)
        async with Upstreams(place.upstream(prometheus.url), SteppedClock(), metrics) as upstreams:
            yield place, upstreams, metrics


def good(metrics: AdapterMetrics) -> float | None:
    return metrics.registry.get_sample_value(OK, {"upstream": "default"})


async def test_a_new_client_certificate_is_shown_from_the_next_query_on(tmp_path):
    async with mutual(tmp_path) as (place, upstreams, metrics):
        await upstreams.query(M, 5.0)
        await upstreams.query(M, 5.0)
        place.issue("another")
        await upstreams.query(M, 5.0)
        names = [one.partition(":")[0] for one in place.seen]
        assert names == ["one", "one", "another"]
        # Without a change there is one connection.
        assert len(set(place.seen)) == 2
        assert good(metrics) == 1


async def test_a_certificate_without_its_key_changes_nothing_until_the_key_is_there(tmp_path):
    async with mutual(tmp_path) as (place, upstreams, metrics):
        await upstreams.query(M, 5.0)
        place.issue("another", key=False)
        await upstreams.query(M, 5.0)
        assert good(metrics) == 0
        place.issue_key()
        await upstreams.query(M, 5.0)
        assert [one.partition(":")[0] for one in place.seen] == ["one", "one", "another"]
        assert good(metrics) == 1


async def test_a_new_authority_is_trusted_and_the_old_one_no_longer(tmp_path):
    async with mutual(tmp_path) as (place, upstreams, _):
        await upstreams.query(M, 5.0)
        newer = trustme.CA()
        place.trust(newer)
        with pytest.raises(UpstreamError) as caught:
            await upstreams.query(M, 5.0)
        assert caught.value.kind == "unavailable"
        assert "certificate" in caught.value.detail
        place.serve(newer)
        await upstreams.query(M, 5.0)


async def test_queries_that_run_finish_on_their_connection(tmp_path):
    place = Place(tmp_path)
    async with fake_prometheus(place.tls) as prometheus:
        prometheus.stalls(0.6)
        place.watch(prometheus)
        upstreams = Upstreams(
            place.upstream(prometheus.url), SteppedClock(), AdapterMetrics("test")
        )
        async with upstreams:
            running = asyncio.create_task(upstreams.query(M, 5.0))
            await until(lambda: place.seen)
            place.issue("another")
            await upstreams.query(M, 5.0)
            assert len((await running).samples) == 1


async def test_a_stranger_of_an_authority_we_do_not_trust_is_not_asked(tmp_path):
    place = Place(tmp_path)
    place.trust(trustme.CA())
    async with fake_prometheus(place.tls) as prometheus:
        upstreams = Upstreams(
            place.upstream(prometheus.url), SteppedClock(), AdapterMetrics("test")
        )
        async with upstreams:
            with pytest.raises(UpstreamError):
                await upstreams.query(M, 5.0)
        assert prometheus.queries == []


@pytest.mark.parametrize("broken", [b"", b"not PEM", b"-----BEGIN CERTIFICATE-----\nx\n"])
async def test_files_that_cannot_be_used_at_the_start_are_an_error_that_names_them(
    tmp_path, broken
):
    place = Place(tmp_path)
    place.spoil(broken)
    with pytest.raises(UsageError) as caught:
        Upstreams(place.upstream("https://x"), SteppedClock(), AdapterMetrics("test"))
    assert "--prometheus-client-tls-cert-file" in str(caught.value)
    assert place.certificate_file in str(caught.value)


async def test_a_password_reaches_prometheus_and_follows_its_file(tmp_path):
    password = tmp_path / "password"
    password.write_text("geheim:ü\n")
    metrics = AdapterMetrics("test")
    async with fake_prometheus() as prometheus:
        upstream = Upstream(prometheus.url, username="wpa", password_file=str(password))
        async with Upstreams(upstream, SteppedClock(), metrics) as upstreams:
            for text in (None, "", "bad\x00bad", "another"):
                if text is not None:
                    password.write_text(text)
                await upstreams.query(M, 5.0)
                assert good(metrics) == (text in (None, "another"))
            password.unlink()
            await upstreams.query(M, 5.0)
            assert good(metrics) == 0
        sent = [headers["Authorization"] for _, _, headers in prometheus.requests]
        pairs = [base64.b64decode(one.removeprefix("Basic ")).decode() for one in sent]
        assert pairs == ["wpa:geheim:ü"] * 3 + ["wpa:another"] * 2


async def test_without_a_token_that_was_ever_good_prometheus_is_not_asked(tmp_path):
    async with fake_prometheus() as prometheus:
        upstream = Upstream(prometheus.url, token_file=str(tmp_path / "token"))
        async with Upstreams(upstream, SteppedClock(), AdapterMetrics("test")) as upstreams:
            with pytest.raises(UpstreamError) as caught:
                await upstreams.query(M, 5.0)
            assert caught.value.kind == "unavailable"
            (tmp_path / "token").write_text("good")
            await upstreams.query(M, 5.0)
        assert prometheus.requests[0][2]["Authorization"] == "Bearer good"


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: it
clusters: [{{name: it, cluster: {{server: "https://10.0.0.1", certificate-authority: {ca}}}}}]
users: [{{name: it, user: {{client-certificate: {cert}, client-key: {key}, tokenFile: {token}}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
"""


async def test_credentials_of_a_kubeconfig_open_prometheus(tmp_path):
    place = Place(tmp_path)
    (tmp_path / "token").write_text("of-the-cluster")
    (tmp_path / "config").write_text(
        KUBECONFIG.format(
            ca=place.ca_file,
            cert=place.certificate_file,
            key=place.key_file,
            token=tmp_path / "token",
        )
    )
    async with fake_prometheus(place.tls) as prometheus:
        place.watch(prometheus)
        (tmp_path / "a").mkdir()
        auth = UpstreamAuth(kubeconfig=str(tmp_path / "config"))
        upstream = Upstream(prometheus.url)
        async with adapter(tmp_path / "a", upstream=upstream, upstream_auth=auth) as it:
            assert (await it.ask(METRIC, user="hpa")).status == 200
        assert prometheus.requests[0][2]["Authorization"] == "Bearer of-the-cluster"
        assert place.seen[0].startswith("one:")


async def test_a_refused_token_is_read_again_and_the_query_repeated(tmp_path):
    place = Place(tmp_path)
    token = tmp_path / "token"
    token.write_text("old")
    (tmp_path / "config").write_text(
        KUBECONFIG.format(
            ca=place.ca_file, cert=place.certificate_file, key=place.key_file, token=token
        )
    )
    clock = SteppedClock()
    credentials = await load_credentials(str(tmp_path / "config"), clock=clock)
    async with fake_prometheus() as prometheus:
        answer = prometheus.behave

        async def behave(request, query):
            if request.headers["Authorization"] != "Bearer new":
                return web.Response(status=401)
            return await answer(request, query)

        prometheus.behave = behave
        upstreams = Upstreams(Upstream(prometheus.url), clock, AdapterMetrics("test"), credentials)
        async with upstreams:
            with pytest.raises(UpstreamError):
                await upstreams.query(M, 5.0)
            token.write_text("new")
            clock.ahead += 6
            assert len((await upstreams.query(M, 5.0)).samples) == 1


async def test_a_service_account_outside_a_pod_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="--prometheus-auth-incluster: not in a pod"):
        async with adapter(tmp_path, upstream_auth=UpstreamAuth(in_cluster=True)):
            pass
