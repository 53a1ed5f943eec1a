"""A Prometheus whose answers and misbehaviour are scripted."""

import asyncio
import contextlib
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


class FakePrometheus:
    """Answers every query by `behave`, and remembers what was asked."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.cancelled = 0
        self.url = ""
        self.behave: Behaviour
        self.says(vector(({"__name__": "m"}, "1")))

    def says(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        async def behave(_request: web.Request, _query: str) -> web.StreamResponse:
            return web.Response(
                body=body, status=status, content_type="application/json", headers=headers
            )

        self.behave = behave

    def stalls(self, seconds: float = 30.0, body: bytes | None = None) -> None:
        async def behave(_request: web.Request, _query: str) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            return web.Response(body=body or vector(({}, "1")))

        self.behave = behave

    def breaks_off(self) -> None:
        """Promises a body and closes the connection in the middle of it."""

        async def behave(request: web.Request, _query: str) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Length": "5000"})
            await response.prepare(request)
            await response.write(b'{"status":"success","data":')
            assert request.transport is not None
            request.transport.close()
            return response

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


@contextlib.asynccontextmanager
async def fake_prometheus() -> AsyncIterator[FakePrometheus]:
    fake = FakePrometheus()
    app = web.Application()
    app.router.add_route("*", "/api/v1/query", fake.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
