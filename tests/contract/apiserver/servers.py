"""The servers that the suite holds for: the sandbox, and a real control plane."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from kube.vocab.times import SystemClock
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.storage.store import Store
from sandbox.cluster import SandboxCluster
from tests.contract.apiserver.client import Api
from tests.controlplane.cluster import ControlPlane

_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Sandbox:
    """A new sandbox for each test, in the test's own loop."""

    @contextlib.asynccontextmanager
    async def connect_whole(self, folder: Path) -> AsyncIterator[Api]:
        """With access, aggregation and controllers; `folder` receives its files."""
        async with SandboxCluster(folder, check_seconds=0.2) as cluster:

            async def compact() -> None:
                cluster.store.compact()

            tls = ssl.create_default_context(cafile=str(cluster.ca))
            headers = {"Authorization": f"Bearer {cluster.admin_token}"}
            async with aiohttp.ClientSession(
                timeout=_TIMEOUT, headers=headers, connector=aiohttp.TCPConnector(ssl=tls)
            ) as session:
                api = Api(cluster.url, session, compact)
                api.ca = cluster.ca
                yield api

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Api]:
        """The API server alone, which starts in no time."""
        store = Store(SystemClock())

        async def compact() -> None:
            store.compact()

        async with (
            await start(build_app(store)) as server,
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        ):
            yield Api(server.url, session, compact)


class Kubernetes:
    """The session's cluster, as its administrator."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster

    def connect_whole(self, _folder: Path) -> contextlib.AbstractAsyncContextManager[Api]:
        """It is whole."""
        return self.connect()

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Api]:
        """With an HTTP client of the test's own loop."""
        pki = self._cluster.pki
        tls = ssl.create_default_context(cafile=pki.cluster.file)
        tls.load_cert_chain(pki.admin.certificate, pki.admin.key)

        async def compact() -> None:
            await asyncio.to_thread(self._cluster.compact)

        connector = aiohttp.TCPConnector(ssl=tls)
        async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector) as session:
            api = Api(self._cluster.server, session, compact)
            api.ca = pki.cluster.file
            yield api
