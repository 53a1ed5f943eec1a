"""The sample recommender, served in the test's own event loop over HTTP or HTTPS."""

import runpy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from msgspec import Struct

EXAMPLE = Path(__file__).parents[3] / "examples" / "recommender"


class Asked(Struct):
    """What the sample was asked: paths, last document, names and subjects seen in TLS."""

    paths: list[str] = []
    documents: list[Any] = []
    names: list[str | None] = []
    subjects: list[str] = []


def sample() -> web.Application:
    """The program of the example."""
    made = runpy.run_path(str(EXAMPLE / "recommender.py"))["application"]()
    assert isinstance(made, web.Application)
    return made


@asynccontextmanager
async def serving(
    app: web.Application, asked: Asked, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve `app`, taking down what it is asked; yields the port."""

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        asked.paths.append(request.path)
        if request.path == "/autoscaling":
            asked.documents.append(await request.json())
        certificate = request.get_extra_info("peercert")
        if certificate:
            asked.subjects += [str(value) for kind, value in certificate["subjectAltName"]]
        answer: web.StreamResponse = await handler(request)
        return answer

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: asked.names.append(name)
    app.middlewares.append(note)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
