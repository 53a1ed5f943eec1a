"""Listening sockets of a daemon."""

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from kube.service.runtime import UsageError
from kube.service.settings import Address

KEEP_ALIVE = 75.0


@asynccontextmanager
async def listening(
    app: web.Application,
    address: Address,
    *,
    flag: str,
    tls: ssl.SSLContext | None = None,
    drain: float = 2.0,
    keep_alive: float = KEEP_ALIVE,
) -> AsyncIterator[Address]:
    """Serve `app` on `address` while the context is open; yields the address really bound.

    `flag` is the option that chose the address, for the message when it cannot be had (raises
    UsageError). `drain` is how many seconds running requests get when the context closes,
    `keep_alive` how many a connection may be idle.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=keep_alive,
        shutdown_timeout=drain,
        handle_signals=False,
    )
    await runner.setup()
    try:
        # With a port of the system's choice, each address family would get another one.
        host = address.host or ("0.0.0.0" if address.port == 0 else None)
        site = web.TCPSite(runner, host, address.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(_cannot(address, flag, error)) from error
        yield Address(address.host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _cannot(address: Address, flag: str, error: OSError) -> str:
    where = f"cannot listen on {address.host or '*'}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is in use; stop the other process or choose another with {flag}"
    if error.errno == errno.EACCES:
        return f"{where}: not allowed; choose a port above 1023 with {flag}"
    return f"{where}: {error.strerror or error}; see {flag}"
