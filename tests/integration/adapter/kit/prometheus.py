"""A Prometheus whose answers and misbehaviour are scripted."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

Behaviour = Callable[[web.Request, str], Awaitable[web.StreamResponse]]


def vector(*series: tuple[dict[str, str], str], warnings: list[str] | None = None) -> bytes:
    """The document of an instant vector; each series is `(labels, value)`."""
    result = [{"metric": labels, "value": [1700000000.999, value]} for labels, value in series]
    return document("vector", result, warnings)


def document(result_type: str, result: Any, warnings: list[str] | None = None) -> bytes:
    """The document of a successful query."""
    data = {"resultType": result_type, "result": result}
    body: dict[str, Any] = {"status": "success", "data": data}
    if warnings:
        body["warnings"] = warnings
    return msgspec.json.encode(body)


def head(*headers: str, status: str = "200 OK") -> bytes:
    """The first part of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def hang_up(transport: asyncio.Transport) -> None:
    """Close the connection in order."""
    transport.close()


class FakePrometheus:
    """Answers every query by `behave`, and remembers what was asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.cancelled = 0
        self.names: list[str] | None = None
        """Names of series; None: nothing is known of such a path."""
        self.name_requests: list[tuple[dict[str, str], dict[str, str]]] = []
        self.url = ""
        self.behave: Behaviour
        self.says(vector(({"__name__": "m"}, "1")))

    def says(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        sent = {"Content-Type": "application/json", **(headers or {})}

        async def behave(_request: web.Request, _query: str) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=sent)

        self.behave = behave

    def stalls(self, seconds: float = 3600.0, body: bytes | None = None) -> None:
        async def behave(_request: web.Request, _query: str) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            return web.Response(body=body or vector(({}, "1")))

        self.behave = behave

    def holds(self, body: bytes | None = None) -> asyncio.Event:
        """Answers when the event that is returned is set."""
        released = asyncio.Event()

        async def behave(_request: web.Request, _query: str) -> web.StreamResponse:
            await released.wait()
            return web.Response(body=body or vector(({}, "1")))

        self.behave = behave
        return released

    def breaks_off(self) -> None:
        """Promises a body and closes the connection in the middle of it."""
        self.sends(head("Content-Length: 5000"), b'{"status":"success","data":', hang_up)

    def sends(self, *script: bytes | float | Callable[[asyncio.Transport], None]) -> None:
        """Puts bytes on the wire as they are, waits seconds, hangs up; then falls silent."""

        async def behave(request: web.Request, _query: str) -> web.StreamResponse:
            transport = request.transport
            assert isinstance(transport, asyncio.Transport)
            for step in script:
                if isinstance(step, bytes):
                    transport.write(step)
                elif isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    step(transport)
            silence: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
            return await silence  # until the other side leaves

        self.behave = behave

    async def handle(self, request: web.Request) -> web.StreamResponse:
        form = dict(await request.post()) if request.method == "POST" else dict(request.query)
        query = str(form["query"])
        self.queries.append(query)
        self.requests.append(
            (request.method, {k: str(v) for k, v in form.items()}, dict(request.headers))
        )
        try:
            return await self.behave(request, query)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def list_names(self, request: web.Request) -> web.Response:
        self.name_requests.append((dict(request.query), dict(request.headers)))
        if self.names is None:
            return web.Response(status=404, text="404 page not found")
        return web.json_response({"status": "success", "data": self.names})


@contextlib.asynccontextmanager
async def fake_prometheus(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakePrometheus]:
    """Over TLS if `tls` is given."""
    fake = FakePrometheus()
    app = web.Application()
    app.router.add_route("*", "/api/v1/query", fake.handle)
    app.router.add_get("/api/v1/label/__name__/values", fake.list_names)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    fake.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
