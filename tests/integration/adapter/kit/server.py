"""The adapter in the loop of a test: real sockets, real TLS, real certificates."""

import asyncio
import contextlib
import inspect
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import trustme
from yarl import URL

from adapter import app
from adapter.authn_config import TrustFiles
from adapter.core.upstream import Upstream
from adapter.settings import ApiServers, ServingFiles, Settings
from kube.service.settings import Address
from kube.vocab.times import Clock, SystemClock
from tests.integration.adapter.kit.apiserver import FakeApiServer, fake_apiserver, kubeconfig
from tests.integration.adapter.kit.prometheus import FakePrometheus, fake_prometheus

ROOT = "/apis/external.metrics.k8s.io/v1beta1"
PATIENCE = 45.0
"""Seconds to wait for what has to happen, well below the time that a test has."""

METRIC = f"{ROOT}/namespaces/default/queue_depth"
RULES = """
externalRules:
- seriesQuery: 'queue_depth{queue!=""}'
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (queue)'
- seriesQuery: 'nsq:backlog:sum'
  name: {as: Backlog}
  resources: {namespaced: false}
  metricsQuery: 'max(<<.Series>>{<<.LabelMatchers>>}) by (consumer)'
"""


class SteppedClock:
    """Stands at the time of its making until it is set forward by hand: on a slow machine nothing
    grows older than a test says.
    """

    def __init__(self) -> None:
        machine = SystemClock()
        self._now, self._monotonic = machine.now(), machine.monotonic()
        self.ahead = 0.0

    def now(self) -> int:
        return self._now + round(self.ahead * 1000)

    def monotonic(self) -> float:
        return self._monotonic + self.ahead


class Certificates:
    """Authorities of a cluster, and one nobody trusts."""

    def __init__(self) -> None:
        self.serving = trustme.CA()
        self.proxies = trustme.CA()
        self.people = trustme.CA()
        self.strangers = trustme.CA()

    def trust(self, **changes: str) -> dict[str, str]:
        """The ConfigMap that publishes them."""
        return {
            "client-ca-file": pem(self.people),
            "requestheader-client-ca-file": pem(self.proxies),
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        } | changes


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


def client_certificate(
    authority: trustme.CA, name: str, organisation: str | None = None
) -> trustme.LeafCert:
    """A client certificate of `authority`."""
    return authority.issue_cert(common_name=name, organization_name=organisation)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that happens in another task or process; `condition` may be async.

    As long as a slow and busy machine may need: what is there already costs no time.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.01)


class Harness:
    """A running adapter and what surrounds it."""

    def __init__(
        self,
        certificates: Certificates,
        prometheus: FakePrometheus,
        cluster: FakeApiServer,
        clock: SteppedClock,
    ) -> None:
        self.certificates = certificates
        self.prometheus = prometheus
        self.cluster = cluster
        self.clock = clock
        self.server: Any = None
        self.proxy = client_certificate(certificates.proxies, "front-proxy-client")
        self._stack = contextlib.AsyncExitStack()
        self._sessions: dict[Any, aiohttp.ClientSession] = {}

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.server.address.port}"

    async def session(self, certificate: trustme.LeafCert | None = None) -> aiohttp.ClientSession:
        """Connections that show `certificate`."""
        if certificate not in self._sessions:
            context = ssl.create_default_context(cadata=pem(self.certificates.serving))
            if certificate is not None:
                certificate.configure_cert(context)
            connector = aiohttp.TCPConnector(ssl=context, limit=0)
            self._sessions[certificate] = await self._stack.enter_async_context(
                aiohttp.ClientSession(connector=connector, headers={"User-Agent": "test"})
            )
        return self._sessions[certificate]

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        certificate: trustme.LeafCert | None = None,
        headers: dict[str, str] | None = None,
        user: str | None = None,
        body: bytes | None = None,
    ) -> "Answer":
        """Status, headers and body; `user` goes through the front proxy."""
        sent = dict(headers or {})
        if user is not None:
            certificate = certificate or self.proxy
            sent["X-Remote-User"] = user
        session = await self.session(certificate)
        url = URL(self.base + path, encoded=True)
        async with session.request(
            method, url, headers=sent, allow_redirects=False, data=body
        ) as got:
            return Answer(got.status, got.headers, await got.read())

    async def close(self) -> None:
        await self._stack.aclose()


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def failure(self, code: int, reason: str) -> Any:
        """Assert that this is a complete Status; returns it."""
        assert self.headers["Content-Type"] == "application/json"
        found = self.json
        expected = ("Status", "v1", "Failure", code, reason)
        fields = ("kind", "apiVersion", "status", "code", "reason")
        assert tuple(found[field] for field in fields) == expected, found
        assert self.status == code
        assert "Retry-After" not in self.headers
        return found


@contextlib.asynccontextmanager
async def adapter(
    folder: Path,
    *,
    rules: str = RULES,
    trust: Callable[[Certificates], dict[str, str]] | None = None,
    before: Callable[[FakeApiServer], None] = lambda _: None,
    clocked: Callable[[SteppedClock], None] = lambda _: None,
    clock: Clock | None = None,
    **changes: Any,
) -> AsyncIterator[Harness]:
    """A running adapter; `changes` are fields of its settings. `before` it starts, the cluster may
    be changed, and the clock set, or another `clock` given.
    """
    certificates = Certificates()
    stepped = SteppedClock()
    leaf = certificates.serving.issue_cert("127.0.0.1", "localhost")
    leaf.private_key_pem.write_to_path(folder / "tls.key")
    (folder / "tls.crt").write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    (folder / "rules.yaml").write_text(rules)
    async with fake_prometheus() as prometheus, fake_apiserver() as cluster:
        cluster.trust = certificates.trust() if trust is None else trust(certificates)
        before(cluster)
        clocked(stepped)
        (folder / "kubeconfig").write_text(kubeconfig(cluster.url))
        files = ServingFiles(certificate=f"{folder}/tls.crt", key=f"{folder}/tls.key")
        fields: dict[str, Any] = {
            "upstream": Upstream(prometheus.url),
            "config_file": f"{folder}/rules.yaml",
            "address": Address("127.0.0.1", 0),
            "serving": files,
            "api_servers": ApiServers(f"{folder}/kubeconfig", f"{folder}/kubeconfig"),
            "trust": TrustFiles(),
            "drain": 0.5,
            # It comes when the machine's time says so, in the middle of what a test counts.
            "refresh_for": 0.0,
        } | changes
        harness = Harness(certificates, prometheus, cluster, stepped)
        async with app.running(Settings(**fields), clock or stepped, lambda: 0.0) as server:
            harness.server = server
            try:
                yield harness
            finally:
                await harness.close()
