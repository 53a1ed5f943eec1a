"""A lean HTTPS load generator: one request in flight per connection, latencies in nanoseconds."""

import asyncio
import ssl
import time
from typing import cast

from msgspec import Struct

_LENGTH = b"content-length:"
_HEAD_END = b"\r\n\r\n"


class Load(Struct, frozen=True):
    """What one run saw."""

    latencies_ns: list[int]
    seconds: float
    cpu_seconds: float
    """Of the generator itself: near `seconds`, it measures itself and not the server."""
    failures: int


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, sends the next."""

    def __init__(self, request: bytes, until: float, pause: float) -> None:
        self._request = request
        self._until = until
        self._pause = pause
        self._buffer = b""
        self._wanted = 0
        self._sent = 0
        self._due = time.perf_counter()
        self._transport: asyncio.Transport | None = None
        self.latencies: list[int] = []
        self.failures = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance check: uvloop's transports have the methods and not the base class.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter_ns()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._wanted:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            head = self._buffer[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            stop = head.find(b"\r", start)
            self._wanted = end + 4 + int(head[start : stop if stop > 0 else None])
        if len(self._buffer) < self._wanted:
            return
        self.latencies.append(time.perf_counter_ns() - self._sent)
        if not self._buffer.startswith(b"HTTP/1.1 200"):
            self.failures += 1
        self._buffer, self._wanted = b"", 0
        self._next()

    def _next(self) -> None:
        now = time.perf_counter()
        if now >= self._until:
            assert self._transport is not None
            self._transport.close()
        elif self._pause:
            # A fixed schedule: a slow answer does not make the load lighter.
            self._due += self._pause
            asyncio.get_running_loop().call_later(max(0.0, self._due - now), self._send)
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self.failures += 1
        if not self.ended.done():
            self.ended.set_result(None)


async def generate(
    port: int,
    request: bytes,
    tls: ssl.SSLContext,
    *,
    connections: int,
    seconds: float,
    rate: float = 0.0,
) -> Load:
    """Load the server for `seconds`; `rate` requests per second in all, 0 for as many as go."""
    loop = asyncio.get_running_loop()
    pause = connections / rate if rate else 0.0
    started, cpu = time.perf_counter(), time.process_time()
    made = []
    for index in range(connections):
        _, protocol = await loop.create_connection(
            lambda: _Connection(request, started + seconds, pause),
            "127.0.0.1",
            port,
            ssl=tls,
            server_hostname="localhost",
        )
        made.append(protocol)
        if pause:
            await asyncio.sleep(pause / connections if index else 0)
    await asyncio.gather(*(protocol.ended for protocol in made))
    return Load(
        latencies_ns=sorted(value for one in made for value in one.latencies),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu,
        failures=sum(one.failures for one in made),
    )
