"""An aiohttp application over TLS on a thread and a loop of its own, for blocking callers."""

import asyncio
import ssl
import threading
from concurrent.futures import Future
from typing import Final

from aiohttp import web

from tests.controlplane.pki import Pair

PATIENCE: Final = 60.0


class Serving:
    """Serves on a free port of 127.0.0.1 between `start` and `stop`."""

    def __init__(self, app: web.Application, pair: Pair) -> None:
        self.port = 0
        self._app = app
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(pair.certificate, pair.key)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="serving")
        self._started: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> None:
        """Returns when it listens. Raises OSError where it cannot."""
        self._thread.start()
        self.port = self._started.result(PATIENCE)

    def stop(self) -> None:
        """Returns when all connections are closed."""
        if self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(PATIENCE)

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=1.0)
        try:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
            await site.start()
            self._started.set_result(int(runner.addresses[0][1]))
            await self._stopping.wait()
        except OSError as error:
            self._started.set_exception(error)
        finally:
            await runner.cleanup()
            # Connections still in their handshake belong to the loop alone; those of clients that
            # are gone end when it next looks at their sockets.
            await asyncio.sleep(0.05)
