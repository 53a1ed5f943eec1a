"""Asks for the names of series where only they can tell which metrics there are.

Names alone are asked for, once for all rules with the same selector: nothing is remembered of a
series. A selector whose question fails keeps its last good names and delays or hides no other's
(external-metrics-api §12.2, E-21).
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from adapter.catalogue import Configured
from adapter.core.results import UpstreamError
from adapter.core.series_names import MAX_NAMES, NameSpan
from adapter.core.wildcards import SeriesAsk
from adapter.metrics import AdapterMetrics
from kube.service.logs import get_logger
from kube.vocab.times import SECOND, Clock

_log = get_logger("discovery")

_TIMEOUT: Final = 30.0
_FIRST_RETRY: Final = 1.0
_JITTER: Final = 0.1


class NamesSource(Protocol):
    """Something that lists names of series."""

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        """Names in order, within `budget` seconds. Raises UpstreamError."""
        ...


class Discovery:
    """Keeps the metrics of wildcard rules up to date."""

    def __init__(
        self,
        configured: Configured,
        source: NamesSource,
        clock: Clock,
        metrics: AdapterMetrics,
        *,
        interval: float,
        max_age: float,
        random: Callable[[], float],
    ) -> None:
        """Ask every `interval` seconds for series with a sample in the last `max_age` seconds.

        `random` yields numbers from 0 to 1: replicas must not all ask at the same instant.
        """
        self._configured = configured
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._interval = interval
        self._max_age = max_age
        self._random = random
        self._names: dict[SeriesAsk, tuple[str, ...]] = {}
        self._settled: set[SeriesAsk] = set()

    async def run(self) -> None:
        """Follow each selector of the configuration in force, until cancelled."""
        followed: dict[SeriesAsk, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._configured.changed.clear()
                wanted = {wildcard.ask for wildcard in self._configured.catalogue.wildcards}
                for ask in followed.keys() - wanted:
                    followed.pop(ask).cancel()
                    self._names.pop(ask, None)
                    self._settled.discard(ask)
                for ask in wanted - followed.keys():
                    followed[ask] = tasks.create_task(self._follow(ask))
                self._tell()
                await self._configured.changed.wait()

    async def _follow(self, ask: SeriesAsk) -> None:
        failures = 0
        while True:
            try:
                async with asyncio.timeout(_TIMEOUT):
                    names = await self._source.series_names(ask, self._span(), _TIMEOUT)
            except (UpstreamError, TimeoutError) as error:
                # Soon again: without an answer since the start its metrics are unknown.
                pause = min(self._interval, _FIRST_RETRY * 2 ** min(failures, 20))
                failures += 1
                self._failed(ask, error, pause)
            else:
                pause, failures = self._interval, 0
                self._take(ask, names)
            self._settled.add(ask)
            self._tell()
            await asyncio.sleep(pause * (1 + _JITTER * (2 * self._random() - 1)))

    def _tell(self) -> None:
        self._configured.found(self._names, self._settled)

    def _span(self) -> NameSpan:
        end = self._clock.now()
        return NameSpan(end - round(self._max_age * SECOND), end)

    def _take(self, ask: SeriesAsk, names: tuple[str, ...]) -> None:
        if len(names) > MAX_NAMES:
            _log.warning(
                "too many names of series, the rest has no metrics; narrow seriesQuery",
                selector=ask.selector,
                most=MAX_NAMES,
            )
        self._metrics.discoveries.labels("cut" if len(names) > MAX_NAMES else "success").inc()
        self._names[ask] = names[:MAX_NAMES]

    def _failed(self, ask: SeriesAsk, error: UpstreamError | TimeoutError, pause: float) -> None:
        late = UpstreamError("timeout", f"no answer within {_TIMEOUT:g} s")
        failure = late if isinstance(error, TimeoutError) else error
        self._metrics.discoveries.labels(failure.kind).inc()
        _log.warning(
            "names of series cannot be asked for; those known stay",
            selector=ask.selector,
            trouble=failure.kind,
            detail=failure.detail,
            known=len(self._names.get(ask, ())),
            retry_in=pause,
        )
