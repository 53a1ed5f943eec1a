"""Rules whose metric names only the series of a Prometheus can tell (external-metrics-api E-21).

The names of their series are asked for, never the series themselves, and each becomes a rule.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct, structs

from adapter.core import naming
from adapter.core.naming import Naming
from adapter.core.problems import RuleError
from adapter.core.rules import Rule


class SeriesAsk(Struct, frozen=True):
    """Which series names are wanted. Rules with equal asks share one answer."""

    selector: str
    upstream: str
    headers: tuple[tuple[str, str], ...] = ()


class Filter(Struct, frozen=True):
    """What a series name must (`wanted`) or must not match."""

    pattern: re.Pattern[str]
    wanted: bool

    def passes(self, series: str) -> bool:
        """Whether `series` is let through."""
        return bool(self.pattern.search(series)) == self.wanted


class Wildcard(Struct, frozen=True):
    """A rule for as many metrics as there are series names."""

    ask: SeriesAsk
    filters: tuple[Filter, ...]
    naming: Naming
    rule: Rule
    """What all its metrics share; name and series are not meant."""

    @property
    def place(self) -> str:
        """Where it is written, for messages."""
        return self.rule.place

    def rules(self, series: Iterable[str]) -> tuple[dict[str, Rule], tuple[str, ...]]:
        """Rules by folded metric name, and the metrics that several of `series` come to.

        Series that the rule does not want, or that cannot be written in PromQL, are left out. Of
        several series for one metric the last in order counts.
        """
        found: dict[str, Rule] = {}
        ambiguous: dict[str, None] = {}
        for one in sorted(series):
            name = self._name(one)
            if name is None:
                continue
            key = naming.fold(name)
            if key in found:
                ambiguous[name] = None
            found[key] = structs.replace(self.rule, name=name, series=one)
        return found, tuple(ambiguous)

    def _name(self, series: str) -> str | None:
        if not naming.is_series_name(series):
            return None
        if not all(one.passes(series) for one in self.filters):
            return None
        try:
            return self.naming.name_of(series)
        except RuleError:
            return None


def joined(
    literal: Mapping[str, Rule],
    wildcards: Iterable[Wildcard],
    series: Mapping[SeriesAsk, Iterable[str]],
) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """All rules by folded name, given the `series` names found, and warnings.

    A literal name wins over a discovered one; of two discovered ones the later rule wins, as in
    prometheus-adapter (§12.1).
    """
    rules: dict[str, Rule] = {}
    origin: dict[str, Wildcard] = {}
    warnings: list[str] = []
    for wildcard in wildcards:
        found, ambiguous = wildcard.rules(series.get(wildcard.ask, ()))
        for name in ambiguous:
            warnings.append(
                f'{wildcard.place}: several series come to the metric "{name}"; the last one '
                "counts; narrow seriesQuery or name.matches"
            )
        for key, rule in found.items():
            if key in literal:
                warnings.append(
                    f'{wildcard.place}: the metric "{rule.name}" has a rule of its own, which '
                    "counts; exclude the series with seriesFilters"
                )
            elif key in origin:
                warnings.append(
                    f'{wildcard.place}: the metric "{rule.name}" is also found by '
                    f"{origin[key].place}; this rule counts because it is the later one"
                )
            rules[key], origin[key] = rule, wildcard
    return {**rules, **literal}, tuple(warnings)
