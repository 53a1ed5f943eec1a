"""Instant queries to Prometheus: the only place that opens connections to it.

Failures come out in the few classes that callers may see (external-metrics-api E-13); details go
to the log alone.
"""

import ssl
from pathlib import Path
from typing import Final, Protocol, Self

import aiohttp
from yarl import URL

from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError, read_answer, rejection
from adapter.core.series_names import NameSpan, name_parameters, read_names
from adapter.core.upstream import Upstream
from adapter.core.wildcards import SeriesAsk
from adapter.files import TextFile
from adapter.metrics import AdapterMetrics
from kube.service.runtime import UsageError
from kube.vocab.times import Clock

_CONNECTIONS: Final = 32
_KEEP_ALIVE: Final = 75.0
_MAX_BODY: Final = 64 * 2**20


class Querying(Protocol):
    """Something that answers PromQL."""

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer as of now, within `budget` seconds. Raises UpstreamError."""
        ...


class PrometheusClient:
    """Asks one Prometheus. Use as an async context manager."""

    def __init__(self, upstream: Upstream, clock: Clock, metrics: AdapterMetrics) -> None:
        """Raises UsageError for an address or files that cannot be used."""
        self._upstream = upstream
        self._clock = clock
        self._metrics = metrics
        self._url = _query_url(upstream.url)
        self._tls = _tls(upstream) if self._url.scheme == "https" else None
        self._token = TextFile(upstream.token_file) if upstream.token_file else None
        self._session: aiohttp.ClientSession | None = None
        self.answering = False
        """Whether the last query got a usable answer."""

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE, ssl=self._tls or True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # Uncompressed: answers are small and near, and gzip costs both sides more than bytes.
            headers={
                "User-Agent": "wpa-adapter",
                "Accept-Encoding": "identity",
                **self._upstream.headers,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer as of now, within `budget` seconds. Raises UpstreamError.

        Prometheus is told the same limit, so that it does not work on for nobody.
        """
        started = self._clock.monotonic()
        outcome = "cancelled"
        try:
            limit = question.max_series or self._upstream.max_series
            answer = read_answer(await self._body(question, budget), limit)
            outcome = "success"
        except UpstreamError as error:
            outcome = error.kind
            self._metrics.upstream_errors.labels(error.kind).inc()
            raise
        finally:
            # What nobody waited for to the end says nothing about Prometheus.
            if outcome != "cancelled":
                self.answering = outcome == "success"
                self._metrics.upstream_up.set(self.answering)
            elapsed = self._clock.monotonic() - started
            self._metrics.upstream_seconds.labels(outcome).observe(elapsed)
        if answer.warnings:
            self._metrics.upstream_warnings.inc(answer.warnings)
        return answer

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        """Names of the series that `ask` selects, in order. Raises UpstreamError."""
        url = self._url.parent / "label/__name__/values"
        parameters = name_parameters(ask.selector, span)
        return read_names(await self._send("GET", url, parameters, dict(ask.headers), budget))

    async def _body(self, question: Question, budget: float) -> bytes:
        now = self._clock.now()
        form = {
            "query": question.promql,
            "time": f"{now // 1000}.{now % 1000:03d}",
            "timeout": f"{max(1, round(budget * 1000))}ms",
        }
        headers = dict(question.headers)
        return await self._send(self._upstream.verb, self._url, form, headers, budget)

    async def _send(
        self, verb: str, url: URL, form: dict[str, str], headers: dict[str, str], budget: float
    ) -> bytes:
        assert self._session is not None, "used before it was entered"
        posted = verb == "POST"
        request = self._session.request(
            verb,
            url,
            data=form if posted else None,
            params=None if posted else form,
            headers={**headers, **self._authorization()},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=budget),
        )
        try:
            async with request as response:
                body = await _limited(response)
        except TimeoutError as error:
            raise UpstreamError("timeout", f"no answer within {budget:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError("unavailable", f"{type(error).__name__}: {error}") from error
        _check_status(response.status, body)
        return body

    def _authorization(self) -> dict[str, str]:
        if self._token is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._token.read().strip()}"}
        except OSError as error:
            raise UpstreamError("unavailable", f"token file: {error}") from error


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    if (response.content_length or 0) > _MAX_BODY:
        raise UpstreamError("too large", f"{response.content_length} bytes")
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > _MAX_BODY:
            raise UpstreamError("too large", f"more than {_MAX_BODY} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _check_status(code: int, body: bytes) -> None:
    if 200 <= code < 300:
        return
    if code in (400, 422):
        raise UpstreamError("query rejected", f"{code}: {rejection(body)}")
    said = rejection(body)
    # Prometheus answers 503 when a query ran out of the time it was given.
    if code == 503 and said.startswith("timeout:"):
        raise UpstreamError("timeout", said)
    raise UpstreamError("unavailable", f"status {code}")


def _query_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise UsageError(f"--prometheus-url {text!r}: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(
            f"--prometheus-url {text!r} is not an address; write one like http://prometheus:9090"
        )
    return url / "api/v1/query" if not url.path.endswith("/") else url.join(URL("api/v1/query"))


def _tls(upstream: Upstream) -> ssl.SSLContext:
    for flag, name in (
        ("--prometheus-ca-file", upstream.ca_file),
        ("--prometheus-client-tls-cert-file", upstream.certificate_file),
        ("--prometheus-client-tls-key-file", upstream.key_file),
    ):
        if name and not Path(name).is_file():
            raise UsageError(f"{flag}: {name} does not exist; name a PEM file")
    try:
        context = ssl.create_default_context(cafile=upstream.ca_file or None)
        if upstream.certificate_file:
            context.load_cert_chain(upstream.certificate_file, upstream.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"TLS files for Prometheus ({upstream.ca_file or 'system roots'}, "
            f"{upstream.certificate_file or 'no client certificate'}): {error}; they must be PEM"
        ) from error
    return context
