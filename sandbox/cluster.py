"""A whole cluster in the running event loop: API server, access, aggregation, controllers."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import web

from kube.vocab.times import Clock, SystemClock
from sandbox.apiserver.access.access_reviews import AccessReviews
from sandbox.apiserver.access.auth import ADMIN, Authenticator, authentication, token_requests
from sandbox.apiserver.access.authorization import Authorizer, authorization
from sandbox.apiserver.access.identity import service_account_name
from sandbox.apiserver.access.impersonation import impersonation
from sandbox.apiserver.aggregation.aggregation import Aggregator
from sandbox.apiserver.aggregation.availability import Availability
from sandbox.apiserver.aggregation.backends import Backends
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.storage.store import Store
from sandbox.bootstrap import bootstrap
from sandbox.controllers.all_controllers import controllers
from sandbox.controllers.pod_script import Habits
from sandbox.kubeconfig import write_kubeconfig
from sandbox.pki import Pki

_YEAR: Final = 365 * 24 * 3600
"""Seconds that tokens in kubeconfig files last: longer than any sandbox."""


class SandboxCluster:
    """`async with SandboxCluster(folder) as cluster:` and everything below works.

    Certificates and kubeconfig files are written to `folder`; the objects live in memory and go
    with the cluster.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        nodes: int = 3,
        max_pods: int | None = None,
        habits: Habits | None = None,
        check_seconds: float = 2.0,
    ) -> None:
        """Port 0 takes a free one; `max_pods` is what all nodes together have room for.

        `habits` are those of pods whose template has no annotations; `check_seconds` is how often
        the backends of APIServices are asked whether they live.
        """
        self.folder = folder
        self.store = Store(clock or SystemClock())
        self._host, self._port = host, port
        self._nodes, self._max_pods = nodes, max_pods
        self._habits, self._check_seconds = habits, check_seconds
        self._authenticator = Authenticator(self.store)
        self._stack = AsyncExitStack()
        self.pki: Pki
        self.url = ""
        """Where the API server listens: https, host and port."""
        self.port = 0

    @property
    def ca(self) -> Path:
        """The authority that signed the API server's certificate."""
        return self.pki.ca

    @property
    def admin_token(self) -> str:
        """The bearer token that is allowed everything."""
        return self._authenticator.admin_token

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    async def start(self) -> None:
        """Bring everything up. Raises OSError when the port or the folder cannot be had."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End watches and controllers, close the port."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    def service_account_token(self, namespace: str, name: str, seconds: int = _YEAR) -> str:
        """A token of an existing ServiceAccount. Raises NotFound."""
        return self._authenticator.grant(namespace, name, seconds)[0]

    def service_account_kubeconfig(self, namespace: str, name: str, seconds: int = _YEAR) -> Path:
        """Write a kubeconfig for an existing ServiceAccount. Raises NotFound."""
        token = self.service_account_token(namespace, name, seconds)
        return self._write_kubeconfig(
            f"{namespace}-{name}.kubeconfig", service_account_name(namespace, name), token
        )

    async def _start(self) -> None:
        self.pki = Pki(self.folder)
        bootstrap(self.store, self.pki, nodes=self._nodes, max_pods=self._max_pods)
        aggregator = Aggregator(Backends(self.store, self.pki.front_proxy))
        await self._stack.enter_async_context(aggregator)
        server = await self._stack.enter_async_context(
            await start(
                self._app(aggregator),
                host=self._host,
                port=self._port,
                tls=self.pki.server_context(),
            )
        )
        self.url, self.port = server.url, server.port
        self._write_kubeconfig(self.kubeconfig.name, ADMIN.name, self.admin_token)
        await self._stack.enter_async_context(controllers(self.store, self._habits))
        availability = Availability(self.store, aggregator, self._check_seconds)
        await self._stack.enter_async_context(_background(availability.run()))

    def _app(self, aggregator: Aggregator) -> web.Application:
        authorizer = Authorizer(self.store)
        return build_app(
            self.store,
            middlewares=(
                authentication(self._authenticator),
                impersonation(authorizer),
                authorization(authorizer),
                token_requests(self._authenticator),
            ),
            reviews=(*self._authenticator.reviews(), *AccessReviews(authorizer).reviews()),
            aggregation=aggregator,
        )

    def _write_kubeconfig(self, file: str, user: str, token: str) -> Path:
        return write_kubeconfig(
            self.folder / file, url=self.url, ca_pem=self.pki.ca_pem, user=user, token=token
        )


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
