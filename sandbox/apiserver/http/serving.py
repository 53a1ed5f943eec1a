"""Putting an application on a socket, and taking it off again."""

import ssl
from typing import Final, Self

from aiohttp import web

_KEEPALIVE_SECONDS: Final = 75.0
_SHUTDOWN_SECONDS: Final = 2.0


class Serving:
    """A server in the running event loop: `async with await start(app) as server: server.url`."""

    def __init__(self, runner: web.AppRunner, url: str, port: int) -> None:
        self._runner = runner
        self.url = url
        self.port = port

    async def close(self) -> None:
        """End the watches, finish what is under way, close the socket."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


async def start(
    app: web.Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Serving:
    """Serve `app`; port 0 takes a free one. Raises OSError when the port is taken."""
    # Handlers are cancelled when their client goes: a watch would otherwise idle on until it has
    # something to say. Writes are safe, since the store changes between two awaits or not at all.
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    address = runner.addresses[0]
    bound = int(address[1])
    return Serving(runner, f"{'https' if tls else 'http'}://{host}:{bound}", bound)
