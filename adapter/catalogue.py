"""The configuration in force: read at the start and on change; a bad new one changes nothing."""

import asyncio
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import Final

from msgspec import structs

from adapter.core.configuration import Catalogue, read_configuration
from adapter.core.documents import Document, aggregated_discovery, resource_list
from adapter.core.problems import ConfigurationError
from adapter.core.rules import Rule
from adapter.core.upstream import Upstream
from adapter.core.wildcards import SeriesAsk
from adapter.files import follow
from adapter.metrics import AdapterMetrics
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.times import Clock

_log = get_logger("configuration")

_MOST_WARNINGS: Final = 100
"""About series, which may be many."""


AdoptUpstreams = Callable[[Mapping[str, Upstream], str], None]
"""Takes over the upstreams that the named file has, or raises ConfigurationError."""


def _no_upstreams(_named: Mapping[str, Upstream], _source: str) -> None:
    """For readers of a configuration who ask nothing."""


class Configured:
    """The catalogue and the documents that follow from it."""

    def __init__(
        self,
        file: str,
        clock: Clock,
        metrics: AdapterMetrics,
        adopt_upstreams: AdoptUpstreams = _no_upstreams,
    ) -> None:
        """Read `file` ("" for no rules). Raises UsageError."""
        self._file = file
        self._adopt_upstreams = adopt_upstreams
        self._clock = clock
        self._metrics = metrics
        self.reload = asyncio.Event()
        """Set it to have the file read again."""
        self.changed = asyncio.Event()
        """Set when the file was read anew, for whoever asks for the series of its wildcards."""
        self.catalogue = Catalogue()
        self._written = Catalogue()
        self._series: Mapping[SeriesAsk, tuple[str, ...]] = {}
        self._settled: Set[SeriesAsk] = frozenset()
        self._outgoing: Mapping[str, Rule] = {}
        """Metrics that wildcards of the file before had found. A reload must not lose a metric for
        the time that the new selectors take to be asked for the first time."""
        self._said: set[str] = set()
        self.resources = b""
        self.discovery: dict[str, Document] = {}
        try:
            self._adopt(self._read())
        except ConfigurationError as error:
            raise UsageError(str(error)) from error

    async def follow_file(self) -> None:
        """Read the file again when it changed or `reload` was set, until cancelled."""
        await follow([self._file] if self._file else [], self._reread, wake=self.reload)

    def found(self, series: Mapping[SeriesAsk, tuple[str, ...]], settled: Set[SeriesAsk]) -> None:
        """Put into force what wildcard rules make of these names of series.

        `settled` are the selectors that were asked for, whether an answer or a failure came.
        """
        self._series = dict(series)
        self._settled = frozenset(settled)
        self._put_into_force()

    def found_by_series(self, name: str) -> bool:
        """Whether a metric that is served has its name from series, not from the file."""
        return self._written.find(name) is None

    def _read(self) -> Catalogue:
        if not self._file:
            return Catalogue()
        try:
            text = Path(self._file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                self._file, f"--config: {self._file} cannot be read ({error}); name a rule file"
            ) from error
        return read_configuration(text, self._file)

    def _reread(self) -> None:
        try:
            catalogue = self._read()
            self._adopt(catalogue)
        except ConfigurationError as error:
            self._metrics.config_ok.set(0)
            _log.error("new configuration cannot be used; the old one stays", error=str(error))
            return
        _log.info("configuration read", file=self._file, metrics=len(catalogue.rules))

    def _adopt(self, catalogue: Catalogue) -> None:
        self._adopt_upstreams(catalogue.upstreams, self._file)
        for warning in catalogue.warnings:
            _log.warning(warning)
        self._said.clear()
        self._outgoing = {
            name: rule
            for name, rule in self.catalogue.rules.items()
            if name not in self._written.rules
        }
        self._written = catalogue
        self._put_into_force()
        self._metrics.config_ok.set(1)
        self._metrics.config_loaded.set(self._clock.now() / 1000)
        self.changed.set()

    def _put_into_force(self) -> None:
        """The written rules and those that known series make of the wildcards among them."""
        catalogue = self._written.with_series(self._series)
        self._warn(catalogue.warnings)
        if all(wildcard.ask in self._settled for wildcard in catalogue.wildcards):
            self._outgoing = {}
        else:
            catalogue = structs.replace(catalogue, rules={**self._outgoing, **catalogue.rules})
        if self.resources and catalogue == self.catalogue:
            return
        names = catalogue.names
        self.catalogue = catalogue
        self.resources = resource_list(names)
        self.discovery = {one: aggregated_discovery(names, one) for one in ("v2", "v2beta1")}
        self._metrics.rules.set(len(names))
        self._metrics.discovered.set(len(names) - len(self._written.rules))

    def _warn(self, warnings: tuple[str, ...]) -> None:
        """Tell each warning once for one version of the file, and not without an end."""
        for warning in warnings:
            if warning not in self._said and len(self._said) < _MOST_WARNINGS:
                self._said.add(warning)
                _log.warning(warning)
