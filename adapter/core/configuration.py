"""The configuration file: from its text to the catalogue of metrics that are served.

Every error names the file, the rule by its index, the key and what to write instead.
"""

import difflib
import re
from collections.abc import Hashable, Mapping
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from adapter.core import naming
from adapter.core.rules import ExternalRule, Rule, RuleError, compile_rule, hints
from adapter.core.upstream import Upstream

_SERVED: Final = "externalRules"
_ACCEPTED: Final = ("rules", "resourceRules")
_UNKNOWN_FIELD: Final = re.compile(
    r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$\.?(?P<path>.*)`)?"
)
_OTHER: Final = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_KEYS: Final = (
    "seriesQuery", "seriesFilters", "resources", "name", "metricsQuery", "overrides", "template",
    "namespaced", "matches", "as", "is", "isNot", "group", "resource",
)  # fmt: skip


class ConfigurationError(ValueError):
    """The configuration cannot be used. The message is complete: it names the file and the fix."""


class Catalogue(Struct, frozen=True):
    """The rules in force, by folded metric name."""

    rules: Mapping[str, Rule] = {}
    warnings: tuple[str, ...] = ()
    upstreams: Mapping[str, Upstream] = {}
    """Those that the file names; `DEFAULT` is the command line's and not among them."""

    def find(self, name: str) -> Rule | None:
        """The rule of a metric, whatever the case of `name` (E-4)."""
        return self.rules.get(naming.fold(name))

    @property
    def names(self) -> tuple[str, ...]:
        """Served names in order."""
        return tuple(sorted(self.rules))


def read_configuration(text: str, source: str) -> Catalogue:
    """Compile the file `source` that holds `text`. Raises ConfigurationError."""
    document = _document(text, source)
    unknown = [key for key in document if key not in (_SERVED, *_ACCEPTED)]
    if unknown:
        raise ConfigurationError(
            f'{source}: unknown key "{unknown[0]}"'
            f"{_suggestion(str(unknown[0]), (_SERVED, *_ACCEPTED))}; "
            f"top-level keys are {_SERVED}, {_ACCEPTED[0]} and {_ACCEPTED[1]}"
        )
    warnings: list[str] = []
    ignored = [key for key in _ACCEPTED if document.get(key)]
    if ignored:
        warnings.append(
            f"{source}: {' and '.join(ignored)} ignored: this server answers external metrics only"
        )
    written = document.get(_SERVED) or []
    if not isinstance(written, list):
        raise ConfigurationError(f"{source}: {_SERVED}: expected a list of rules")
    found: dict[str, Rule] = {}
    places: dict[str, int] = {}
    for index, element in enumerate(written):
        place = f"{source}: {_SERVED}[{index}]"
        rule = _rule(element, place)
        key = naming.fold(rule.name)
        if key in found:
            raise ConfigurationError(
                f'{place}: name: "{rule.name}" is already the metric of {_SERVED}[{places[key]}] '
                "(case does not count); give one of them another name.as"
            )
        found[key], places[key] = rule, index
        warnings.extend(f"{place}: {hint}" for hint in hints(rule))
    return Catalogue(found, tuple(warnings))


def _document(text: str, source: str) -> dict[Any, Any]:
    try:
        document = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{source}: not YAML: {problem}; correct the file") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f'{source}: expected a mapping with the key "{_SERVED}"')
    return document


def _rule(element: Any, place: str) -> Rule:
    if not isinstance(element, dict):
        raise ConfigurationError(f"{place}: expected a mapping with seriesQuery and metricsQuery")
    try:
        written = msgspec.convert(_without_nulls(element), ExternalRule)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{place}: {_validation(str(error))}") from error
    try:
        return compile_rule(written)
    except RuleError as error:
        raise ConfigurationError(f"{place}: {error}") from error


def _without_nulls(value: Any) -> Any:
    """A key without a value means the same as no key."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value


def _validation(message: str) -> str:
    unknown = _UNKNOWN_FIELD.fullmatch(message)
    if unknown:
        where = f" in {unknown['path']}" if unknown["path"] else ""
        key = unknown["key"]
        return f'unknown key "{key}"{where}{_suggestion(key, _KEYS)}; remove or correct it'
    other = _OTHER.fullmatch(message)
    assert other is not None
    where = f"{other['path']}: " if other["path"] else ""
    return f"{where}{other['problem']}; correct the value"


def _suggestion(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes tools read it: a key given twice is an error, not a silent choice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f'key "{key}" given twice', problem_mark=key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)
