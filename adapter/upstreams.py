"""The Prometheus servers by name: the command line's, and those that the rule file names.

Each has its own connections, concurrency limit, queue and circuit breaker (external-metrics-api
§17), so that one that hangs costs the others nothing.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, Self

from msgspec import structs

from adapter.core.breaker import Admission
from adapter.core.problems import ConfigurationError
from adapter.core.question import Question
from adapter.core.results import Answer, UpstreamError
from adapter.core.series_names import NameSpan
from adapter.core.upstream import DEFAULT, Upstream
from adapter.core.wildcards import SeriesAsk
from adapter.metrics import AdapterMetrics
from adapter.upstream_credentials import UnusableUpstreamError
from adapter.upstream_line import Line
from kube.client.credentials import Credentials
from kube.service.runtime import UsageError
from kube.vocab.times import Clock

_FLAGS: Final = {
    "url": "--prometheus-url",
    "ca_file": "--prometheus-ca-file",
    "certificate_file": "--prometheus-client-tls-cert-file",
    "key_file": "--prometheus-client-tls-key-file",
}
_KEYS: Final = {
    "url": "url",
    "ca_file": "caFile",
    "certificate_file": "clientCertFile",
    "key_file": "clientKeyFile",
}


class Upstreams:
    """Asks the upstream that a question names. Use as an async context manager."""

    def __init__(
        self,
        default: Upstream,
        clock: Clock,
        metrics: AdapterMetrics,
        credentials: Credentials | None = None,
    ) -> None:
        """`default` is asked where a rule names none; `credentials` are what its own files leave
        open. Raises UsageError.
        """
        self._clock = clock
        self._metrics = metrics
        try:
            self._default = Line(DEFAULT, default, clock, metrics, credentials)
        except UnusableUpstreamError as error:
            raise UsageError(f"{_FLAGS[error.field]}: {error}") from error
        self._lines = {DEFAULT: self._default}
        self._retiring: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for line in self._lines.values():
            line.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    @property
    def answering(self) -> bool:
        """Whether the last query to the default upstream got a usable answer."""
        return self._default.answering

    def adopt(self, named: Mapping[str, Upstream], source: str) -> None:
        """Ask these from now on, as the file `source` says. Those that change or go finish what
        they were asked. Raises ConfigurationError and changes nothing for any that cannot be used.
        """
        lines = self._lines_for(named, source)
        before, self._lines = self._lines, lines
        for name, line in lines.items():
            if before.get(name) is not line:
                line.open()
        for name, line in before.items():
            if lines.get(name) is not line:
                if name not in lines:
                    self._metrics.forget_upstream(name)
                task = asyncio.create_task(line.retire())
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)

    def _lines_for(self, named: Mapping[str, Upstream], source: str) -> dict[str, Line]:
        """A line for each, those in use that stay as they are among them."""
        limit = self._default.upstream.max_series
        lines = {DEFAULT: self._default}
        for name, one in sorted(named.items()):
            upstream = structs.replace(one, max_series=limit)
            known = self._lines.get(name)
            if known is not None and known.upstream == upstream:
                lines[name] = known
                continue
            try:
                lines[name] = Line(name, upstream, self._clock, self._metrics)
            except UnusableUpstreamError as error:
                for new in lines.keys() - self._lines.keys():
                    self._metrics.forget_upstream(new)
                raise ConfigurationError(
                    source, f"{source}: upstreams.{name}.{_KEYS[error.field]}: {error}"
                ) from error
        return lines

    def admission(self, name: str) -> Admission:
        """What would become of a query to the upstream `name` now."""
        line = self._lines.get(name)
        return "refuse" if line is None else line.admission

    async def query(self, question: Question, budget: float) -> Answer:
        """The answer of the upstream that `question` names. Raises UpstreamError."""
        line = self._lines.get(question.upstream)
        if line is None:
            raise _unknown(question.upstream)
        return await line.query(question, budget)

    async def series_names(self, ask: SeriesAsk, span: NameSpan, budget: float) -> tuple[str, ...]:
        """Names of series at the upstream that `ask` names. Raises UpstreamError."""
        line = self._lines.get(ask.upstream)
        if line is None:
            raise _unknown(ask.upstream)
        return await line.series_names(ask, span, budget)


def _unknown(name: str) -> UpstreamError:
    return UpstreamError("unavailable", f'no upstream is named "{name}"')
