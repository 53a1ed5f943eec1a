"""The real adapter behind the API server, between it and a Prometheus that may fail."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from adapter import app
from adapter.core.upstream import Upstream
from adapter.settings import ApiServers, ServingFiles, Settings
from kube.service.settings import Address
from kube.vocab.times import Clock
from sandbox.cluster import SandboxCluster
from sandbox.pki import KeyPair
from tests.faults.prometheus import RULES, Exporters, Prometheus
from tests.integration.scaler import backend
from tests.integration.scaler.backend import MetricsBackend
from tests.ports import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)


class AdapterChain(MetricsBackend):
    """Stands where a world's own metrics backend would."""

    def __init__(
        self,
        folder: Path,
        cluster: SandboxCluster,
        exporters: Exporters,
        clock: Clock,
        every: float,
    ) -> None:
        """Exporters are scraped, and answers asked anew, `every` so many seconds."""
        super().__init__(clock)
        self.prometheus = Prometheus(exporters, clock, every)
        self.adapters_clock = clock
        """The adapter's, from its next start on."""
        self._every = every
        self._cluster = cluster
        self._folder = folder
        self._port = free_port()
        self._serving = AsyncExitStack()

    @asynccontextmanager
    async def serving(self, pair: KeyPair, clients: str) -> AsyncIterator[int]:
        """Everything up; yields the adapter's port."""
        del clients  # The adapter reads them from the cluster.
        async with self.prometheus.running():
            await self.start(pair)
            try:
                yield self._port
            finally:
                await self.kill()

    @property
    def pair(self) -> KeyPair:
        """A certificate that is good."""
        return self._cluster.pki.serving_pair(backend.SERVICE, backend.NAMESPACE)

    @property
    def expired_pair(self) -> KeyPair:
        """One that was, long ago."""
        name = (backend.SERVICE, backend.NAMESPACE)
        return self._cluster.pki.serving_pair(*name, not_after=EXPIRED)

    async def start(self, pair: KeyPair) -> None:
        """Start the adapter."""
        rules = self._folder / "rules.yaml"
        rules.write_text(RULES)
        kubeconfig = str(self._cluster.kubeconfig)
        settings = Settings(
            upstream=Upstream(self.prometheus.url),
            config_file=str(rules),
            address=Address("127.0.0.1", self._port),
            serving=ServingFiles(str(pair.certificate), str(pair.key)),
            api_servers=ApiServers(kubeconfig, kubeconfig),
            cache_ttl=self._every,
            drain=0.1,
        )
        await self._serving.enter_async_context(app.running(settings, self.adapters_clock))

    async def kill(self) -> None:
        """End the adapter, or what stands in for it: its port refuses connections."""
        await self._serving.aclose()

    async def stand_in(self, handler: Handler) -> None:
        """Serve in the adapter's place, with its certificate, whatever `handler` says."""
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self.pair.certificate, self.pair.key)
        site = web.Application()
        site.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(
            site, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        self._serving.push_async_callback(runner.cleanup)
        await web.TCPSite(
            runner, "127.0.0.1", self._port, ssl_context=tls, reuse_address=True
        ).start()
