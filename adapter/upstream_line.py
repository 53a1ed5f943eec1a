"""One upstream: its client behind a circuit breaker and a queue (external-metrics-api §17)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from adapter.both import both
from adapter.core.breaker import CLOSED, Admission, Breaker
from adapter.core.question import Question
from adapter.core.results import Answer, Failure, UpstreamError
from adapter.core.sample_times import dated
from adapter.core.series_names import NameSpan
from adapter.core.upstream import Upstream
from adapter.core.wildcards import SeriesAsk
from adapter.metrics import AdapterMetrics
from adapter.prometheus import PrometheusClient
from adapter.turns import NoTurnError, Turns
from adapter.upstream_credentials import UpstreamCredentials
from kube.client.credentials import Credentials
from kube.service.logs import get_logger
from kube.vocab.times import Clock

_log = get_logger("upstreams")

T = TypeVar("T")

_OUTAGES: Final[frozenset[Failure]] = frozenset({"unavailable", "timeout", "bad response"})
"""Failures that count against an upstream; a query it rejects shows that it is there."""


class Line:
    """Asks one upstream while it is sensible to. Opened by `open`, and then to be closed."""

    def __init__(
        self,
        name: str,
        upstream: Upstream,
        clock: Clock,
        metrics: AdapterMetrics,
        credentials: Credentials | None = None,
    ) -> None:
        """`name` is "" for the command line's; `credentials` are what its files leave open.

        Raises UnusableUpstreamError.
        """
        self.upstream = upstream
        self.answering = False
        """Whether the last question got a usable answer."""
        self._name = name or "default"
        self._clock = clock
        self._credentials = UpstreamCredentials(self._name, upstream, credentials)
        self._client = PrometheusClient(upstream, self._credentials)
        self._shown = metrics.of_upstream(name)
        self._turns = Turns(
            upstream.max_concurrent,
            upstream.max_queued,
            self._shown.in_flight,
            self._shown.queued,
        )
        self._breaker = CLOSED
        self._retired = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def open(self) -> None:
        """Get ready to connect, in the loop that runs."""
        self._client.open()
        self._shown.credentials_ok.set(1)
        self._shown.breaker_open.set(0)

    async def close(self) -> None:
        """Close all connections; running questions fail."""
        await self._client.close()

    def retire(self) -> Coroutine[Any, Any, None]:
        """Show nothing any more, and close after the queries that run, which is to be awaited."""
        self._retired = True
        return self._close_when_idle()

    async def _close_when_idle(self) -> None:
        try:
            await self._idle.wait()
        finally:
            await self.close()

    @property
    def admission(self) -> Admission:
        """What would become of a question now."""
        return self._breaker.admission(self._clock.monotonic())

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer, with real sample times if the question has them. Raises UpstreamError."""
        return await self._guarded(self._answer(question, budget))

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        """Names of the series that `ask` selects. Raises UpstreamError.

        The circuit is neither asked nor told: a proxy that lets queries pass may refuse this.
        """
        with self._counted():
            return await self._in_turn(
                budget, lambda left: self._client.series_names(ask, span, left)
            )

    async def _guarded(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of `work`, unless the circuit is open; the circuit learns from it."""
        now = self._clock.monotonic()
        admission = self._breaker.admission(now)
        if admission == "refuse":
            work.close()
            self._shown.not_asked("circuit").inc()
            raise UpstreamError("unavailable", "the circuit is open after repeated failures")
        if admission == "probe":
            self._turn(self._breaker.probing(now))
        try:
            with self._counted():
                outcome = await work
        except NoTurnError:
            self._shown.not_asked("queue").inc()
            raise
        except UpstreamError as error:
            self._heard(error)
            raise
        self._heard(None)
        return outcome

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Keep the line from closing while something is asked over it."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _answer(self, question: Question, budget: float) -> Answer:
        at = self._clock.now()
        if not question.times:
            return await self._ask(question.promql, question, at, budget)
        return dated(
            *await both(
                self._ask(question.promql, question, at, budget),
                self._ask(question.times, question, at, budget),
            )
        )

    async def _ask(self, promql: str, question: Question, at: int, budget: float) -> Answer:
        limit = question.max_series or self.upstream.max_series
        answer = await self._in_turn(
            budget, lambda left: self._client.ask(promql, at, left, question.headers, limit)
        )
        if answer.warnings:
            self._shown.warnings.inc(answer.warnings)
        return answer

    async def _in_turn(self, budget: float, exchange: Callable[[float], Awaitable[T]]) -> T:
        """One exchange in its turn, counted; it is told how many seconds are left."""
        async with self._turns.one(budget) as left:
            started, outcome = self._clock.monotonic(), "cancelled"
            try:
                found = await exchange(left)
                outcome = "success"
            except UpstreamError as error:
                outcome = error.kind
                self._shown.errors(error.kind).inc()
                raise
            finally:
                elapsed = self._clock.monotonic() - started
                self._shown.seconds(outcome).observe(elapsed)
                self._shown.credentials_ok.set(self._credentials.good)
        return found

    def _heard(self, error: UpstreamError | None) -> None:
        """What the end of a query says about the upstream."""
        if self._retired:
            return
        self.answering = error is None
        self._shown.up(self.answering)
        if error is None or error.kind not in _OUTAGES:
            self._turn(self._breaker.succeeded())
        else:
            self._turn(self._breaker.failed(self._clock.monotonic()))

    def _turn(self, breaker: Breaker) -> None:
        before, self._breaker = self._breaker, breaker
        if before.open == breaker.open:
            return
        self._shown.breaker_open.set(breaker.open)
        if breaker.open:
            _log.error(
                "Prometheus does not answer; asking it every few seconds", upstream=self._name
            )
        else:
            _log.info("Prometheus answers again", upstream=self._name)
