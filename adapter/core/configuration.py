"""The configuration file: from its text to the catalogue of metrics that are served.

Every error names the file, the line, the key and what to write instead; all of them are reported,
not the first alone.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, structs

from adapter.core import naming
from adapter.core.file_format import (
    BasicAuth,
    ConfigurationFile,
    ExternalRule,
    FixedValue,
    GroupResource,
    NameMapping,
    Parameter,
    ResourceMapping,
    RuleOptions,
    SeriesFilter,
    UpstreamEntry,
)
from adapter.core.problems import ConfigurationError, Path, RuleError, dotted
from adapter.core.rule_compiler import compile_rule, hints
from adapter.core.rule_options import compile_options
from adapter.core.rules import Rule
from adapter.core.suggestions import suggestion
from adapter.core.upstream import Upstream
from adapter.core.upstream_entries import upstream_of
from adapter.core.wildcards import SeriesAsk, Wildcard, joined
from adapter.core.yaml_document import YamlDocument, YamlError, read_yaml

T = TypeVar("T")

_RULES: Final = "externalRules"
_NOT_SERVED: Final = ("rules", "resourceRules")
_UNKNOWN_FIELD: Final = re.compile(
    r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$\.?(?P<path>.*)`)?"
)
_OTHER: Final = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_PART: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_TYPES: Final = (
    ExternalRule, SeriesFilter, GroupResource, ResourceMapping, NameMapping, Parameter, FixedValue,
    UpstreamEntry, BasicAuth,
)  # fmt: skip


def _keys(kinds: Iterable[type[Struct]]) -> tuple[str, ...]:
    return tuple(field.encode_name for kind in kinds for field in structs.fields(kind))


_TOP_KEYS: Final = _keys([ConfigurationFile])
_KEYS: Final = _keys(_TYPES)


class Catalogue(Struct, frozen=True):
    """What a configuration comes to: the rules in force, by folded metric name."""

    rules: Mapping[str, Rule] = {}
    warnings: tuple[str, ...] = ()
    upstreams: Mapping[str, Upstream] = {}
    """Those that the file names; `DEFAULT` is the command line's and not among them."""
    wildcards: tuple[Wildcard, ...] = ()
    """Rules for as many metrics as there are series; `rules` has those that were found."""

    def find(self, name: str) -> Rule | None:
        """The rule of a metric, whatever the case of `name` (E-4)."""
        return self.rules.get(naming.fold(name))

    @property
    def names(self) -> tuple[str, ...]:
        """Served names in order."""
        return tuple(sorted(self.rules))

    def with_series(self, series: Mapping[SeriesAsk, Iterable[str]]) -> "Catalogue":
        """The same, its own rules joined by those that `series` names make of wildcards.

        Its warnings are about the series alone.
        """
        rules, warnings = joined(self.rules, self.wildcards, series)
        return structs.replace(self, rules=rules, warnings=warnings)


def read_configuration(text: str, source: str) -> Catalogue:
    """Compile the file `source` that holds `text`. Raises ConfigurationError."""
    try:
        document = read_yaml(text)
    except YamlError as error:
        where = source if error.line is None else f"{source}:{error.line}"
        raise ConfigurationError(source, f"{where}: not YAML: {error}; correct the file") from error
    if document.value is None:
        return Catalogue()
    reader = _Reader(document, source)
    catalogue = reader.read()
    if reader.problems:
        raise ConfigurationError(source, *reader.problems)
    return catalogue


class _Reader:
    """One pass over a document that collects what is wrong with it."""

    def __init__(self, document: YamlDocument, source: str) -> None:
        self._document = document
        self._source = source
        self.problems: list[str] = []

    def read(self) -> Catalogue:
        """The catalogue; not to be used if there are problems."""
        top = self._document.value
        if not isinstance(top, dict):
            self._report((), f'expected a mapping with the key "{_RULES}"')
            return Catalogue()
        if top.get("kind") == "ConfigMap":
            self._report(("kind",), "a ConfigMap; name the file that it holds under data")
            return Catalogue()
        for key in top:
            if key not in _TOP_KEYS:
                known = ", ".join(_TOP_KEYS)
                self._report(
                    (str(key),),
                    f'unknown key "{key}"{suggestion(str(key), _TOP_KEYS)}; top-level keys are '
                    f"{known}",
                )
        upstreams = self._upstreams(top.get("upstreams"))
        defaults = self._defaults(top.get("defaults"), upstreams)
        warnings = [
            self._line((key,), f"{key} ignored: this server answers external metrics only")
            for key in _NOT_SERVED
            if top.get(key)
        ]
        rules, wildcards, more = self._rules(top.get(_RULES), defaults, upstreams)
        return Catalogue(rules, (*warnings, *more), upstreams, wildcards)

    def _upstreams(self, written: Any) -> dict[str, Upstream]:
        found: dict[str, Upstream] = {}
        for name, entry in self._mapping(written, "upstreams").items():
            path = ("upstreams", str(name))
            converted = self._converted(entry, UpstreamEntry, path)
            # Named all the same, so that its rules are not reported for a lack of it.
            found[str(name)] = Upstream("")
            if converted is not None:
                try:
                    found[str(name)] = upstream_of(str(name), converted)
                except RuleError as error:
                    self._report_rule(path, error)
        return found

    def _defaults(self, written: Any, upstreams: Mapping[str, Upstream]) -> dict[str, Any]:
        """Keys of all rules as written: none of them if they cannot be used."""
        keys = self._mapping(written, "defaults")
        converted = self._converted(keys, RuleOptions, ("defaults",))
        if converted is None:
            return {}
        try:
            compile_options(converted, upstreams)
        except RuleError as error:
            self._report_rule(("defaults",), error)
            return {}
        return keys

    def _rules(
        self, written: Any, defaults: dict[str, Any], upstreams: Mapping[str, Upstream]
    ) -> tuple[dict[str, Rule], tuple[Wildcard, ...], list[str]]:
        rules: dict[str, Rule] = {}
        places: dict[str, int] = {}
        wildcards: list[Wildcard] = []
        warnings: list[str] = []
        if written is None:
            return rules, (), warnings
        if not isinstance(written, list):
            self._report((_RULES,), "expected a list of rules", named=True)
            return rules, (), warnings
        for index, element in enumerate(written):
            path = (_RULES, index)
            found = self._rule(element, defaults, upstreams, path)
            if found is None:
                continue
            if isinstance(found, Wildcard):
                wildcards.append(found)
                warnings += [f"{found.place}: {hint}" for hint in hints(found.rule)]
                continue
            rule = found
            warnings += [f"{rule.place}: {hint}" for hint in hints(rule)]
            key = naming.fold(rule.name)
            if key in rules:
                self._report(
                    path,
                    f'name: "{rule.name}" is already the metric of {_RULES}[{places[key]}] '
                    "(case does not count); give one of them another name.as",
                    named=True,
                )
                continue
            rules[key], places[key] = rule, index
        return rules, tuple(wildcards), warnings

    def _rule(
        self,
        element: Any,
        defaults: dict[str, Any],
        upstreams: Mapping[str, Upstream],
        path: Path,
    ) -> Rule | Wildcard | None:
        if not isinstance(element, dict):
            self._report(path, "expected a mapping with seriesQuery and metricsQuery", named=True)
            return None
        written = self._converted({**defaults, **_without_nulls(element)}, ExternalRule, path)
        if written is None:
            return None
        try:
            return compile_rule(written, upstreams, self._line(path, dotted(path)))
        except RuleError as error:
            self._report_rule(path, error)
            return None

    def _mapping(self, written: Any, key: str) -> dict[str, Any]:
        if written is None:
            return {}
        if not isinstance(written, dict):
            self._report((key,), "expected a mapping", named=True)
            return {}
        found: dict[str, Any] = _without_nulls(written)
        return found

    def _converted(self, value: Any, kind: type[T], path: Path) -> T | None:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            problem, inner = _validation(str(error))
            self._report((*path, *inner), f"{dotted(path)}: {problem}")
            return None

    def _report_rule(self, path: Path, error: RuleError) -> None:
        self._report((*path, *error.path), f"{dotted(path)}: {error}")

    def _report(self, path: Path, problem: str, *, named: bool = False) -> None:
        self.problems.append(self._line(path, f"{dotted(path)}: {problem}" if named else problem))

    def _line(self, path: Path, text: str) -> str:
        return f"{self._source}:{self._document.line(path)}: {text}"


def _without_nulls(value: Any) -> Any:
    """A key without a value means the same as no key."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value


def _validation(message: str) -> tuple[str, Path]:
    """What msgspec says, with a remedy, and where it is as far as msgspec tells."""
    unknown = _UNKNOWN_FIELD.fullmatch(message)
    if unknown:
        path = unknown["path"] or ""
        where = f" in {path}" if path else ""
        key = unknown["key"]
        problem = f'unknown key "{key}"{where}{suggestion(key, _KEYS)}; remove or correct it'
        return problem, (*_parts(path), key)
    other = _OTHER.fullmatch(message)
    assert other is not None
    path = other["path"] or ""
    where = f"{path}: " if path else ""
    return f"{where}{other['problem']}; correct the value", _parts(path)


def _parts(path: str) -> Path:
    """`resources.overrides[...].group` up to what msgspec leaves out."""
    known = path.partition("[...]")[0]
    return tuple(int(index) if index else key for index, key in _PART.findall(known))
