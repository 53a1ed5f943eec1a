"""Aggregation: requests for an APIService's group go to its backend, answers come back as they are.

A backend that does not answer is 503 with plain text, as on the real server: clients have to cope
with an error that is no Status.
"""

import asyncio
import ssl
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from sandbox.apiserver.access.identity import MASTERS, User
from sandbox.apiserver.aggregation.backends import (
    Backend,
    Backends,
    Unreachable,
    end_to_end,
    identity_headers,
    request_headers,
)
from sandbox.apiserver.http.keys import USER
from sandbox.apiserver.kinds.conditions import holds
from sandbox.apiserver.kinds.resources import Object

AGGREGATOR: Final = User("system:kube-aggregator", groups=(MASTERS,))
_PROBE_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 60.0
_KEEPALIVE_SECONDS: Final = 75.0
_RESOURCES: Final = msgspec.json.Decoder(dict[str, Any])
_FAILURES: Final = (aiohttp.ClientError, TimeoutError, OSError)


class Aggregator:
    """Speaks to backends; `async with` holds its connections."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Aggregator":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=_KEEPALIVE_SECONDS, limit=0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=_PROBE_SECONDS, sock_read=_SILENCE_SECONDS
            ),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def proxy(self, request: web.Request, service: Object) -> web.StreamResponse:
        """Pass the request on to the APIService's backend and its answer back, as it streams."""
        if not holds(service, "Available"):
            return _unavailable("service unavailable")
        try:
            backend = self._backends.of(service)
        except Unreachable:
            return _unavailable("service unavailable")
        try:
            answer = await self._send(
                backend,
                request.method,
                _target(request),
                request_headers(request.headers, request[USER]),
                request.content if request.can_read_body else None,
            )
        except _FAILURES as error:
            return _unavailable(f"error trying to reach service: {_told(error)}")
        async with answer:
            return await _relay(request, answer)

    async def resources(self, service: Object) -> Object | None:
        """The backend's APIResourceList for that version; None if it does not answer."""
        try:
            return _RESOURCES.decode(await self.discover(service))
        except (Unreachable, msgspec.DecodeError):
            return None

    async def discover(self, service: Object) -> bytes:
        """What the backend says to `GET /apis/<group>/<version>`. Raises Unreachable."""
        backend = self._backends.of(service)
        path = f"/apis/{service['spec']['group']}/{service['spec']['version']}"
        headers = [*identity_headers(AGGREGATOR), ("Accept", "application/json")]
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                answer = await self._send(backend, "GET", path, headers, None)
                async with answer:
                    body = await answer.read()
        except _FAILURES as error:
            raise _failed(backend, path, _told(error)) from None
        if not 200 <= answer.status < 400:
            raise _failed(backend, path, f"bad status from {backend.origin}{path}: {answer.status}")
        return body

    async def _send(
        self, backend: Backend, method: str, path: str, headers: Any, body: Any
    ) -> aiohttp.ClientResponse:
        assert self._session is not None, "enter the Aggregator first"
        return await self._session.request(
            method,
            URL(f"{backend.origin}{path}", encoded=True),
            headers=headers,
            data=body,
            ssl=backend.tls,
            server_hostname=backend.server_name,
            allow_redirects=False,
        )


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    response.headers.extend(end_to_end(answer.headers))
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    except _FAILURES:
        # Half an answer is out already: breaking the connection is the only way left to say so.
        if request.transport is not None:
            request.transport.abort()
        return response
    await response.write_eof()
    return response


def _target(request: web.Request) -> str:
    """Path and query as the real server passes them on: decoded, put in order, encoded anew."""
    path = quote(request.path, safe="/$&+,:;=@")
    query = urlencode(sorted(request.query.items(), key=itemgetter(0)))
    return f"{path}?{query}" if query else path


def _unavailable(text: str) -> web.Response:
    return web.Response(status=503, text=f"{text}\n")


def _failed(backend: Backend, path: str, why: str) -> Unreachable:
    return Unreachable(
        "FailedDiscoveryCheck",
        f"failing or missing response from {backend.origin}{path}: {why}",
    )


def _told(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {error.certificate_error}"
    if isinstance(error, (aiohttp.ClientConnectorError, ssl.SSLError)):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time (context deadline exceeded)"
    return str(error) or type(error).__name__
