"""HTTP/1.1 as bytes, to a running adapter or to its handlers without any socket in between."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from http.client import parse_headers
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

import trustme
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from multidict import CIMultiDict

from adapter import app
from kube.service.listeners import Refusal, Runner
from kube.service.settings import Address
from tests.integration.adapter.kit.server import Answer, Harness, adapter, pem

_LIMIT = 2**22


class Connection:
    """One connection: bytes go out, answers come in, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: Any) -> None:
        self.reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Hand `data` over; a connection that is closed already takes it and drops it."""
        self._writer.write(data)

    async def ask(self, data: bytes) -> Answer:
        """Send one request and read its answer. Raises EOFError if the server hangs up."""
        self.send(data)
        return await self.answer(data.partition(b" ")[0].decode("latin-1"))

    async def answer(self, method: str = "GET") -> Answer:
        """The next answer, to a request of `method`. Raises EOFError if there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        status = int(line.split()[1])
        headers = CIMultiDict(parse_headers(BytesIO(rest)).items())
        if method == "HEAD" or status in (204, 304):
            return Answer(status, headers, b"")
        if headers.get("Transfer-Encoding") == "chunked":
            return Answer(status, headers, await self._chunks())
        length = int(headers.get("Content-Length", "0"))
        return Answer(status, headers, await self.reader.readexactly(length))

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
            if not size:
                return body

    async def ends(self) -> bytes:
        """All that still comes until the server hangs up."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return await self.reader.read(-1)
        return b""

    def close(self) -> None:
        self._writer.close()


class Line:
    """Makes connections to one adapter."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self._contexts: dict[trustme.LeafCert | None, ssl.SSLContext] = {}

    async def connect(self, certificate: trustme.LeafCert | None = None) -> Connection:
        """A connection whose client shows `certificate`; over TLS."""
        if certificate not in self._contexts:
            made = ssl.create_default_context(cadata=pem(self.harness.certificates.serving))
            if certificate is not None:
                certificate.configure_cert(made)
            self._contexts[certificate] = made
        context, port = self._contexts[certificate], self.harness.server.address.port
        found = await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=_LIMIT)
        return Connection(*found)


class InProcessLine(Line):
    """Connections that end in the server's HTTP parser, without sockets and without TLS."""

    def __init__(self, harness: Harness, server: web.Server) -> None:
        super().__init__(harness)
        self._server = server

    async def connect(self, certificate: trustme.LeafCert | None = None) -> Connection:
        """A connection on which the server finds `certificate`, as TLS would have left it."""
        reader = asyncio.StreamReader(limit=_LIMIT)
        return Connection(reader, _Near(_Far(self._server(), reader, certificate)))


class _Far(asyncio.Transport):
    """What the server's protocol takes for its transport."""

    def __init__(
        self,
        protocol: asyncio.Protocol,
        reader: asyncio.StreamReader,
        certificate: trustme.LeafCert | None,
    ) -> None:
        super().__init__({"ssl_object": _Shown(certificate), "peername": ("127.0.0.1", 1)})
        self.protocol = protocol
        self._reader = reader
        self._closed = False
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        if not self._closed:
            self._reader.feed_data(bytes(data))

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._reader.feed_eof()
            self.protocol.connection_lost(None)

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class _Near:
    """The client's end of it."""

    def __init__(self, far: _Far) -> None:
        self._far = far

    def write(self, data: bytes) -> None:
        if not self._far.is_closing():
            self._far.protocol.data_received(data)

    def close(self) -> None:
        self._far.close()


class _Shown:
    """The part of a TLS connection that tells whose certificate the peer has proved to own."""

    def __init__(self, certificate: trustme.LeafCert | None) -> None:
        self._der: bytes | None = None
        if certificate is not None:
            first = certificate.cert_chain_pems[0].bytes()
            self._der = load_pem_x509_certificate(first).public_bytes(Encoding.DER)

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        assert binary_form
        return self._der


@contextlib.asynccontextmanager
async def over_tls(folder: Path, **changes: Any) -> AsyncIterator[Line]:
    """A running adapter, spoken to over TLS."""
    async with adapter(folder, **changes) as it:
        yield Line(it)


@contextlib.asynccontextmanager
async def in_process(folder: Path, **changes: Any) -> AsyncIterator[Line]:
    """The same adapter without its listener: requests go straight to its handlers."""
    runners: list[web.AppRunner] = []

    @contextlib.asynccontextmanager
    async def not_listening(
        application: web.Application, address: Address, **given: Any
    ) -> AsyncIterator[Address]:
        refusal: Refusal = given["refusal"]
        runner = Runner(application, refusal, {"access_log": None}, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        try:
            yield address
        finally:
            await runner.cleanup()

    with mock.patch.object(app, "listening", not_listening):
        async with adapter(folder, **changes) as it:
            server = runners[-1].server
            assert server is not None
            yield InProcessLine(it, server)
