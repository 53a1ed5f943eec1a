"""Listening sockets of a daemon."""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.service.settings import Address

_log = get_logger("listener")

KEEP_ALIVE = 75.0

FIRST_REQUEST_WITHIN = 30.0
"""Seconds a new connection has for its first request; later ones have `keep_alive`."""

HANDSHAKE_WITHIN = 10.0
"""Seconds a new connection has for its TLS handshake."""

MOST_CONNECTIONS = 512
"""Beyond this many, connections that ask nothing make room for new ones."""

Refusal = Callable[[int], web.Response]
"""The answer to what is no HTTP request, by its status."""


@asynccontextmanager
async def listening(
    app: web.Application,
    address: Address,
    *,
    flag: str,
    tls: ssl.SSLContext | None = None,
    drain: float = 2.0,
    keep_alive: float = KEEP_ALIVE,
    share_port: bool = False,
    refusal: Refusal | None = None,
) -> AsyncIterator[Address]:
    """Serve `app` on `address` while the context is open; yields the address really bound.

    `flag` is the option that chose the address, for the message when it cannot be had (raises
    UsageError). `drain` is how many seconds running requests get when the context closes,
    `keep_alive` how many a connection may be idle. With `share_port` other processes may listen on
    the same address, and the kernel spreads connections over them. `refusal` makes the answers to
    what never reaches a handler (default: aiohttp's own, as text).
    """
    options: dict[str, Any] = {"access_log": None, "keepalive_timeout": keep_alive}
    # aiohttp waits so long twice before it cancels a request.
    rest: dict[str, Any] = {"shutdown_timeout": drain / 2, "handle_signals": False}
    runner: web.AppRunner = (
        web.AppRunner(app, **options, **rest)
        if refusal is None
        else Runner(app, refusal, options, **rest)
    )
    await runner.setup()
    try:
        server = await _listen(runner, address, flag, tls, share_port)
        try:
            yield Address(address.host, server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _listen(
    runner: web.AppRunner,
    address: Address,
    flag: str,
    tls: ssl.SSLContext | None,
    share_port: bool,
) -> asyncio.Server:
    """Not by a site of aiohttp, which leaves a minute for a handshake."""
    assert runner.server is not None, "it was set up"
    # With a port of the system's choice, each address family would get another one.
    host = address.host or ("0.0.0.0" if address.port == 0 else None)
    try:
        return await asyncio.get_running_loop().create_server(
            runner.server,
            host,
            address.port,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else HANDSHAKE_WITHIN,
            backlog=128,
            reuse_port=share_port or None,
        )
    except OSError as error:
        raise UsageError(_cannot(address, flag, error)) from error


class _Connection(web.RequestHandler):
    """Speaks HTTP with one client, and answers what is no HTTP in the words of the server."""

    __slots__ = ("_asking", "_patience", "_refusal")

    def __init__(self, manager: web.Server, refusal: Refusal, **options: Any) -> None:
        super().__init__(manager, loop=asyncio.get_running_loop(), **options)
        self._refusal = refusal
        self._patience: asyncio.TimerHandle | None = None
        self._asking = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let nobody keep a connection for nothing: who trickles a request byte by byte is cut."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(FIRST_REQUEST_WITHIN, transport.close)

    @property
    def mute(self) -> bool:
        """Whether it has asked nothing yet."""
        return self._patience is not None

    @property
    def busy(self) -> bool:
        """Whether a request of it is being answered."""
        return self._asking > 0

    def make_way(self) -> None:
        """Close the connection for the sake of others."""
        if self.transport is not None:
            self.transport.close()

    def begins(self) -> None:
        """A request has arrived."""
        self._stop_timer()
        self._asking += 1

    def ends(self) -> None:
        """It is answered, or given up."""
        self._asking -= 1

    def connection_lost(self, exc: BaseException | None) -> None:
        """Leave no timer behind."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    async def start(self) -> None:
        """Serve the connection; what breaks that off must not leave it open, unheard for ever.

        aiohttp's parser lets through request lines without a target, for which it has no request.
        """
        try:
            await super().start()
        except Exception as error:  # noqa: BLE001  # whatever it is, the connection has to go
            _log.debug("not an HTTP request", reason=type(error).__name__)
            if self.transport is not None:
                self.transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse without echoing anything. Strangers cannot fill the log with what they send."""
        if status < 500:
            _log.debug("not an HTTP request", remote=request.remote, reason=type(exc).__name__)
        else:
            _log.error("request failed", remote=request.remote, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, another one cannot follow")
        response = self._refusal(status)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes such connections for the application behind `made`."""

    def __init__(self, made: web.Server, refusal: Refusal, options: dict[str, Any]) -> None:
        # A caller that hangs up takes its request along: nobody waits for the answer any more.
        super().__init__(
            self._handle, request_factory=made.request_factory, handler_cancellation=True
        )
        self._application = made.request_handler
        self._refusal = refusal
        self._options = options

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, _Connection), "there are no others"
        connection.begins()
        try:
            return await self._answer(request)
        finally:
            connection.ends()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not request.raw_path:
            # On a connection that was in use the parser takes such a request for a whole one.
            response = self._refusal(400)
            response.force_close()
            return response
        # aiohttp would echo the header, and fail where it is no text.
        if request.headers.get("Expect", "100-continue").lower() != "100-continue":
            return self._refusal(417)
        try:
            return await self._application(request)
        except web.HTTPException as error:
            return self._refusal(error.status)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Bound what clients can hold: the mute go first, then the idle, the oldest of each."""
        others = [one for one in self.connections if isinstance(one, _Connection)]
        super().connection_made(handler, transport)
        if len(others) < MOST_CONNECTIONS:
            return
        idle = [one for one in others if not one.busy]
        if idle:
            next((one for one in idle if one.mute), idle[0]).make_way()
        else:
            transport.close()

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._refusal, **self._options)


class Runner(web.AppRunner):
    """Runs an application whose connections refuse by `refusal`; `options` are theirs."""

    __slots__ = ("_options", "_refusal")

    def __init__(
        self, app: web.Application, refusal: Refusal, options: dict[str, Any], **rest: Any
    ) -> None:
        super().__init__(app, **rest)
        self._refusal = refusal
        self._options = options

    async def _make_server(self) -> web.Server:
        return _Server(await super()._make_server(), self._refusal, self._options)


def _cannot(address: Address, flag: str, error: OSError) -> str:
    where = f"cannot listen on {address.host or '*'}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use; stop the other process or choose another with {flag}"
    if error.errno == errno.EACCES:
        return f"{where}: not allowed; choose a port above 1023 with {flag}"
    return f"{where}: {error.strerror or error}; see {flag}"
