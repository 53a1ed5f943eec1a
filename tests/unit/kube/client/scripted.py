"""An API server that misbehaves on request: real HTTP in the test's own event loop."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from aiohttp import web

from kube.client.credentials import Credentials
from kube.client.requests import Resource
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import LoopClock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WIDGETS = Resource("example.org", "v1", "widgets")


class Widget(Wire, frozen=True):
    """What tests decode."""

    metadata: ObjectMeta = ObjectMeta()
    size: int = 0


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve all paths by `handler`; yields the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "http" if tls is None else "https"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    handler: Handler, credentials: Callable[[str], Credentials] = Credentials, **options: Any
) -> AsyncIterator[ApiClient]:
    """A client, unpaced unless told otherwise, of a server that answers by `handler`."""
    async with serving(handler) as url:
        settings: dict[str, Any] = {
            "user_agent": "test",
            "qps": 0,
            "clock": LoopClock(0),
            "random": Random(1),
        }
        async with ApiClient(credentials(url), **(settings | options)) as client:
            yield client


def failure(code: int, reason: str, message: str = "no", **details: Any) -> web.Response:
    """A `Status` answer."""
    return web.json_response(status(code, reason, message, **details), status=code)


def status(code: int, reason: str, message: str = "no", **details: Any) -> dict[str, Any]:
    """A `Status`."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


def widget(name: str, version: str, size: Any = 1, uid: str = "") -> dict[str, Any]:
    """A widget as JSON."""
    meta = {"name": name, "namespace": "ns", "uid": uid or f"u-{name}", "resourceVersion": version}
    return {"metadata": meta, "size": size}


def listing(items: Iterable[dict[str, Any]], version: str, token: str = "") -> web.Response:
    """A list answer."""
    meta = {"resourceVersion": version} | ({"continue": token} if token else {})
    return web.json_response({"kind": "WidgetList", "metadata": meta, "items": list(items)})


def line(kind: str, obj: dict[str, Any]) -> bytes:
    """One line of a watch."""
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


async def streaming(request: web.Request, *parts: bytes, then: str = "end") -> web.StreamResponse:
    """A watch answer made of `parts`; `then` is "end", "cut" (mid-body) or "hang"."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for part in parts:
        await response.write(part)
    if then == "hang":
        await asyncio.sleep(3600)
    if then == "cut" and request.transport is not None:
        request.transport.abort()
    return response
