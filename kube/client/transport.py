"""Sending requests to one API server: pacing, timeouts, renewed tokens, retries of reads.

Every failure comes out as one of `kube.client.errors`. Writes are not repeated here, except after a
401, which says that nothing was done; aiohttp itself sends a GET, PUT or DELETE once more when a
kept-alive connection turns out to be broken, so a PUT carries the version it was meant for.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from random import Random
from types import TracebackType
from typing import Protocol, Self, TypeVar

import aiohttp

from kube.client.bulkheads import Bulkheads, Call
from kube.client.credentials import Credentials
from kube.client.errors import (
    ApiError,
    BadAnswer,
    KubeError,
    ServerError,
    TooLargeResourceVersion,
    TooManyRequests,
    Unauthorized,
    error_of_answer,
)
from kube.client.pacing import TokenBucket
from kube.client.pool import Pool
from kube.client.requests import Request
from kube.client.server_clock import ServerClock
from kube.vocab.objects import UNREADABLE
from kube.vocab.times import Clock, SystemClock

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Observer = Callable[[Request, int, float], None]
"""Told of each attempt: the request, its HTTP code (0: no answer) and the seconds it took."""


class Decoder(Protocol[T_co]):
    """What turns a body into a value: `msgspec.json.Decoder`, or anything with its `decode`."""

    def decode(self, body: bytes, /) -> T_co:
        """Raises msgspec.DecodeError (also its subclass ValidationError)."""
        ...


class ApiClient:
    """Sends requests to one API server. Use as an async context manager, or call `close`."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        user_agent: str,
        qps: float = 20.0,
        burst: int = 30,
        timeout: float = 30.0,
        retry_within: float = 10.0,
        on_request: Observer | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        """`qps` and `burst` have client-go's meaning, 0 turns pacing off. `timeout` bounds one
        attempt in seconds, the wait for a place among the calls included. Reads that are told to
        come back later are repeated within `retry_within` seconds (V-11).
        """
        self._credentials = credentials
        self._clock = clock or SystemClock()
        self._random = random or Random()
        self._bucket = TokenBucket(qps, burst, self._clock.monotonic)
        self._timeout = timeout
        self._retry_within = retry_within
        self._on_request = on_request
        self._pool = Pool(credentials, user_agent=user_agent)
        self._bulkheads = Bulkheads(self._clock.monotonic)
        self.server_clock = ServerClock(self._clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; running calls end with Unreachable."""
        await self._pool.close()

    async def send(self, request: Request) -> bytes:
        """The body of a successful answer. Raises ApiError, Unreachable, BadAnswer."""
        deadline = self._clock.monotonic() + self._retry_within
        while True:
            try:
                return await self._authorized(request)
            except (TooManyRequests, ServerError) as error:
                pause = self._pause(request, error)
                if pause is None or self._clock.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)

    async def read(self, request: Request, decoder: Decoder[T]) -> T:
        """The decoded body of a successful answer. Raises as `send` does."""
        body = await self.send(request)
        try:
            return decoder.decode(body)
        except UNREADABLE as error:
            raise BadAnswer(request.title, str(error)) from error

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch: yields an iterator of body chunks of any size, without a time limit
        between them. Opening raises as `send` does, without retries; a cut raises Unreachable.
        """
        for attempt in (1, 2):
            header = await self._credentials.authorization()
            response = await self._open_stream(request, header)
            try:
                if response.status < 300:
                    async with aclosing(self._chunks(request, response)) as chunks:
                        yield chunks
                    return
                error = await self._failure(request, response)
            finally:
                # Not released to the pool: the rest of a watch is of no use to anyone.
                response.close()
            if (
                attempt == 2
                or not isinstance(error, Unauthorized)
                or not await self._credentials.refused(header)
            ):
                raise error

    async def _authorized(self, request: Request) -> bytes:
        """One attempt, and a second one when the first's token was out of date."""
        header = await self._credentials.authorization()
        try:
            return await self._attempt(request, header)
        except Unauthorized:
            if not await self._credentials.refused(header):
                raise
        return await self._attempt(request, await self._credentials.authorization())

    async def _attempt(self, request: Request, header: str) -> bytes:
        await self._bucket.acquire()
        started, code = self._clock.monotonic(), 0
        call = Call(request.whole, request.part)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._bulkheads.place(call),
                self._pool.open(request, header) as response,
            ):
                call.answered = True
                code = response.status
                self.server_clock.heard(request.path, response.headers.get("Date"))
                if code >= 300:
                    raise await self._failure(request, response)
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            if isinstance(error, TimeoutError) and not call.under_way:
                error = TimeoutError("too many calls to the same wait for their answers")
            raise self._pool.unreachable(request, error) from error
        finally:
            self._observe(request, code, started)

    async def _open_stream(self, request: Request, header: str) -> aiohttp.ClientResponse:
        await self._bucket.acquire()
        started, code = self._clock.monotonic(), 0
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._pool.open(request, header)
            code = response.status
            return response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._pool.unreachable(request, error) from error
        finally:
            self._observe(request, code, started)

    async def _chunks(
        self, request: Request, response: aiohttp.ClientResponse
    ) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._pool.unreachable(request, error) from error

    async def _failure(self, request: Request, response: aiohttp.ClientResponse) -> KubeError:
        if response.status < 400:
            where = response.headers.get("Location", "nowhere")
            return BadAnswer(request.title, f"{response.status}, a redirect to {where}")
        try:
            async with asyncio.timeout(self._timeout):
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return self._pool.unreachable(request, error)
        return error_of_answer(request.title, response.status, body, response.headers)

    def _pause(self, request: Request, error: ApiError) -> float | None:
        """Seconds until `request` may be repeated; None where it must not be."""
        if not request.is_read or error.retry_after is None:
            return None
        if isinstance(error, TooLargeResourceVersion):
            # The same version would be refused again and again (V-01).
            return None
        # Spread, or all of a fleet that was told "1 s" comes back together.
        return error.retry_after * self._random.uniform(1.0, 1.25)

    def _observe(self, request: Request, code: int, started: float) -> None:
        if self._on_request is not None:
            self._on_request(request, code, self._clock.monotonic() - started)
