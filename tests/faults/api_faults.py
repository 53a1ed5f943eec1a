"""What goes wrong with kube-apiserver, as the scaler sees it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import aiohttp
from aiohttp import web

from tests.faults.ear import AGENT
from tests.faults.site import Site
from tests.integration.scaler.gate import Fault, hang_up

_RESTART = 20.0
"""Seconds without an API server."""


@asynccontextmanager
async def failing(it: Site, fault: Fault) -> AsyncIterator[None]:
    """The scaler's requests meet `fault`, all others pass."""

    async def only_the_scaler(request: web.Request) -> web.StreamResponse | None:
        ours = request.headers.get("User-Agent", "") == AGENT
        return await fault(request) if ours else None

    it.faults.append(only_the_scaler)
    try:
        yield
    finally:
        it.faults.remove(only_the_scaler)


async def _gone(request: web.Request) -> web.StreamResponse:
    hang_up(request)
    return web.Response(status=503)


@asynccontextmanager
async def down(it: Site) -> AsyncIterator[None]:
    async with failing(it, _gone):
        it.cut()
        yield


@asynccontextmanager
async def restarted(it: Site) -> AsyncIterator[None]:
    async with failing(it, _gone):
        it.cut()
        await asyncio.sleep(_RESTART)
    yield
    it.cut()
    async with failing(it, _gone):
        await asyncio.sleep(_RESTART)


@asynccontextmanager
async def too_many_requests(it: Site) -> AsyncIterator[None]:
    """Two of three requests, whatever they are."""
    turn = count()

    async def storm(_: web.Request) -> web.StreamResponse | None:
        if next(turn) % 3 == 2:
            return None
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 429,
                  "reason": "TooManyRequests", "message": "too many requests"}  # fmt: skip
        return web.json_response(status, status=429, headers={"Retry-After": "1"})

    async with failing(it, storm):
        yield


@asynccontextmanager
async def stale_reads(it: Site) -> AsyncIterator[None]:
    """Whatever is read of the cluster's own objects is as it was when the fault began."""
    old: dict[str, tuple[int, bytes, str]] = {}
    async with _reader(str(it.cluster.pki.ca)) as session:

        async def remembered(request: web.Request) -> web.StreamResponse | None:
            if request.method != "GET" or "watch" in request.query:
                return None
            if "external.metrics" in request.path or "/leases" in request.path:
                return None
            key = f"{request.path_qs} {request.headers.get('Accept', '')}"
            if key not in old:
                sent = {"Authorization": f"Bearer {it.cluster.admin_token}"}
                sent["Accept"] = request.headers.get("Accept", "application/json")
                async with session.get(it.cluster.url + request.path_qs, headers=sent) as got:
                    old[key] = (got.status, await got.read(), got.content_type)
            status, body, kind = old[key]
            return web.Response(status=status, body=body, content_type=kind)

        async with failing(it, remembered):
            yield


@asynccontextmanager
async def _reader(authority: str) -> AsyncIterator[aiohttp.ClientSession]:
    tls = ssl.create_default_context(cafile=authority)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session


@asynccontextmanager
async def conflicts(it: Site) -> AsyncIterator[None]:
    """The first write of each count of an object."""
    refused: set[tuple[str, bytes]] = set()

    async def once(request: web.Request) -> web.StreamResponse | None:
        if request.method != "PUT" or not request.path.endswith("/scale"):
            return None
        wish = (request.path, str(it.replicas(request.path.split("/")[-2])).encode())
        if wish in refused:
            return None
        refused.add(wish)
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 409,
                  "reason": "Conflict", "message": "the object has been modified"}  # fmt: skip
        return web.json_response(status, status=409)

    async with failing(it, once):
        yield


@asynccontextmanager
async def watch_silent(it: Site) -> AsyncIterator[None]:
    """Watches are accepted, and then nothing comes, not even the end."""

    async def silence(request: web.Request) -> web.StreamResponse | None:
        if "watch" not in request.query:
            return None
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await asyncio.sleep(3600)
        return answer

    async with failing(it, silence):
        it.cut()
        yield
        it.cut()
