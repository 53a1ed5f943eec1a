"""Instant queries to Prometheus over HTTP: the only place that opens connections to it.

Failures come out in the few classes that callers may see (external-metrics-api E-13); details go
to the log alone.
"""

import asyncio
import sys
from typing import Final, Protocol

import aiohttp
from msgspec import Struct
from yarl import URL

from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError, read_answer, rejection
from adapter.core.series_names import NameSpan, name_parameters, read_names
from adapter.core.upstream import Upstream
from adapter.core.wildcards import SeriesAsk
from adapter.upstream_credentials import UnusableUpstreamError, UpstreamCredentials

_KEEP_ALIVE: Final = 75.0
_MAX_BODY: Final = 64 * 2**20
_LARGE: Final = 2**20
"""Bytes beyond which an answer is decoded in a thread: 10,000 series would hold up everybody else's
for 40 ms, beside a thread it is 12 ms."""
_SERIES: Final = b'"metric":{'
"""Begins each series of a result in compact JSON, and nothing else: in texts quotes are escaped."""

Headers = tuple[tuple[str, str], ...]


class Querying(Protocol):
    """Something that answers questions."""

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer as of now, within `budget` seconds. Raises UpstreamError."""
        ...


class PrometheusClient:
    """Asks one Prometheus. Opened by `open`, and then to be closed."""

    def __init__(self, upstream: Upstream, credentials: UpstreamCredentials) -> None:
        """Raises UnusableUpstreamError for an address that is none."""
        self._upstream = upstream
        self._credentials = credentials
        self._url = _query_url(upstream.url)
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Get ready to connect, in the loop that runs."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._upstream.max_concurrent, keepalive_timeout=_KEEP_ALIVE
            ),
            # Uncompressed: answers are small and near, and gzip costs both sides more than bytes.
            headers={
                "User-Agent": "wpa-adapter",
                "Accept-Encoding": "identity",
                **self._upstream.headers,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def close(self) -> None:
        """Close all connections; running queries fail."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, promql: str, at: int, budget: float, headers: Headers, max_series: int
    ) -> Answer:
        """The answer as of `at`, epoch milliseconds, within `budget` seconds. Raises UpstreamError.

        Prometheus is told the same limit, so that it does not work on for nobody.
        """
        form = {
            **self._upstream.params,
            "query": promql,
            "time": f"{at // 1000}.{at % 1000:03d}",
            "timeout": f"{max(1, round(budget * 1000))}ms",
        }
        call = _Call(self._upstream.verb, self._url, form, headers, max_series)
        body = await self._send(call, budget)
        if len(body) > _LARGE:
            return await asyncio.to_thread(read_answer, body, max_series)
        return read_answer(body, max_series)

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        """Names of the series that `ask` selects, in order. Raises UpstreamError."""
        url = self._url.parent / "label/__name__/values"
        form = {**self._upstream.params, **name_parameters(ask.selector, span)}
        return read_names(await self._send(_Call("GET", url, form, ask.headers), budget))

    async def _send(self, call: "_Call", budget: float) -> bytes:
        try:
            async with asyncio.timeout(budget):
                status, body = await self._authorized(call)
        except TimeoutError as error:
            raise UpstreamError("timeout", f"no answer within {budget:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError("unavailable", f"{type(error).__name__}: {error}") from error
        _check_status(status, body)
        return body

    async def _authorized(self, call: "_Call") -> tuple[int, bytes]:
        """One exchange, and a second one when the first's token was out of date."""
        authorization = await self._credentials.authorization()
        status, body = await self._exchange(call, authorization)
        if status == 401 and authorization and await self._credentials.refused(authorization):
            return await self._exchange(call, await self._credentials.authorization())
        return status, body

    async def _exchange(self, call: "_Call", authorization: str) -> tuple[int, bytes]:
        assert self._session is not None, "used before it was opened"
        posted = call.verb == "POST"
        headers = dict(call.headers)
        if authorization:
            headers["Authorization"] = authorization
        async with self._session.request(
            call.verb,
            call.url,
            data=call.form if posted else None,
            params=None if posted else call.form,
            headers=headers,
            allow_redirects=False,
            # Connections belong to the context they were made with: a new one gets new ones.
            ssl=self._credentials.tls() or True,
        ) as response:
            return response.status, await _limited(response, call.max_series)


class _Call(Struct, frozen=True):
    """A request apart from who makes it."""

    verb: str
    url: URL
    form: dict[str, str]
    headers: Headers
    max_series: int = sys.maxsize


async def _limited(response: aiohttp.ClientResponse, max_series: int) -> bytes:
    """The body, unless it is too large; that is noticed before all of it is here."""
    if (response.content_length or 0) > _MAX_BODY:
        raise UpstreamError("too large", f"{response.content_length} bytes")
    chunks: list[bytes] = []
    size = series = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        series += chunk.count(_SERIES)
        if size > _MAX_BODY:
            raise UpstreamError("too large", f"more than {_MAX_BODY} bytes")
        if series > max_series:
            raise UpstreamError("too large", f"more than {max_series} series")
        chunks.append(chunk)
    return b"".join(chunks)


def _check_status(code: int, body: bytes) -> None:
    if 200 <= code < 300:
        return
    if code in (400, 422):
        raise UpstreamError("query rejected", f"{code}: {rejection(body)}")
    if code in (413, 414, 431):
        raise UpstreamError("too large", f"status {code}")
    said = rejection(body)
    # Prometheus answers 503 when a query ran out of the time it was given.
    if code == 503 and said.startswith("timeout:"):
        raise UpstreamError("timeout", said)
    raise UpstreamError("unavailable", f"status {code}")


def _query_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise UnusableUpstreamError("url", f"{text!r}: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UnusableUpstreamError(
            "url", f"{text!r} is not an address; write one like http://prometheus:9090"
        )
    return url / "api/v1/query" if not url.path.endswith("/") else url.join(URL("api/v1/query"))
