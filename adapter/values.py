"""Values by question: a bounded cache of ready answers, and one upstream query per key at a time.

Sources: external-metrics-api §17, §18.
"""

import asyncio
from typing import Final, Literal

from cachetools import TTLCache

from adapter.core.documents import value_list
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.core.rules import Rule
from adapter.metrics import AdapterMetrics
from adapter.prometheus import Querying
from adapter.singleflight import SingleFlight
from kube.service.logs import get_logger
from kube.vocab.times import Clock

_log = get_logger("values")

_MAX_BYTES: Final = 64 * 2**20
_OVERHEAD: Final = 1000
_GRACE: Final = 0.5
"""Seconds in which a query that has run out of time is sure to say so."""
_SAID_FOR: Final = 60.0
"""Seconds in which the same trouble of the same metric is logged once."""

_Key = tuple[str, Question]
"""A rule's name and what it asks: two rules may treat the same answer differently."""

Source = Literal["cache", "joined", "upstream"]


class Reading:
    """One answer of Prometheus, encoded for the spelling of the name that asked first."""

    def __init__(self, name: str, answer: Answer) -> None:
        self.answer = answer
        self._name = name
        self._body = value_list(name, answer.samples)

    def body(self, name: str) -> bytes:
        """The list with `name` on its items."""
        return self._body if name == self._name else value_list(name, self.answer.samples)

    @property
    def size(self) -> int:
        """Bytes it occupies, roughly: the body and the samples it was made of."""
        return 3 * len(self._body) + _OVERHEAD


class Values:
    """Reads values through the cache."""

    def __init__(
        self,
        upstream: Querying,
        clock: Clock,
        metrics: AdapterMetrics,
        *,
        ttl: float,
        query_timeout: float,
    ) -> None:
        """`ttl` seconds an answer is handed out; `query_timeout` seconds a query may take."""
        self._upstream = upstream
        self._query_timeout = query_timeout
        self._clock = clock
        self._metrics = metrics
        self._cache: TTLCache[_Key, Reading] = TTLCache(
            _MAX_BYTES, ttl, timer=clock.monotonic, getsizeof=lambda reading: reading.size
        )
        self._flights: SingleFlight[_Key, Reading] = SingleFlight()
        self._said: TTLCache[tuple[str, str], bool] = TTLCache(1000, _SAID_FOR, clock.monotonic)
        sources: tuple[Source, ...] = ("cache", "joined", "upstream")
        self._reads = {source: metrics.value_reads.labels(source) for source in sources}

    async def read(self, rule: Rule, name: str, question: Question, budget: float) -> Reading:
        """The value of `question`, which follows from `rule` and was asked for as `name`.

        Waits at most `budget` seconds. Raises UpstreamError.
        """
        key = (rule.name, question)
        found = self._cache.get(key)
        if found is not None:
            self._reads["cache"].inc()
            return found
        self._reads["joined" if key in self._flights else "upstream"].inc()
        try:
            async with asyncio.timeout(self._patience(budget)):
                return await self._flights.share(key, lambda: self._ask(key, name))
        except TimeoutError as error:
            raise UpstreamError("timeout", f"no answer within {budget:g} s") from error

    def _patience(self, budget: float) -> float:
        """Seconds to wait: a caller with time enough leaves the verdict to the query itself."""
        return budget if budget < self._query_timeout else self._query_timeout + _GRACE

    async def _ask(self, key: _Key, name: str) -> Reading:
        metric, question = key
        try:
            answer = await self._upstream.query(question, self._query_timeout)
        except UpstreamError as error:
            self._say(metric, error.kind, detail=error.detail, query=question.promql)
            raise
        reading = Reading(name, answer)
        if reading.size <= self._cache.maxsize:
            self._cache[key] = reading
        if answer.dropped:
            self._say(metric, "samples without a finite value left out", query=question.promql)
            self._metrics.samples_dropped.labels(metric).inc(answer.dropped)
        if answer.saturated:
            self._metrics.samples_saturated.labels(metric).inc(answer.saturated)
        self._metrics.rule_result.labels(metric).set(self._clock.now() / 1000)
        return reading

    def _say(self, metric: str, trouble: str, **details: str) -> None:
        if (metric, trouble) not in self._said:
            self._said[metric, trouble] = True
            _log.warning(trouble, metric=metric, **details)
