"""Query parameters of a metric request (external-metrics-api §2)."""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from kube.vocab.selectors import Selector, SelectorError, parse_selector
from kube.vocab.times import parse_duration

_TRUE: Final = ("1", "true", "True", "TRUE", "t", "T")
_FIELDS: Final = ("metadata.name", "metadata.namespace")
_MAX_PAIRS: Final = 100
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)

REMEMBERED: Final = 1000
"""Longer texts are read each time: strangers must not fill memory with what they send."""


class BadParameterError(ValueError):
    """A parameter that cannot be used; the message goes to the caller with 400."""


class Parameters(Struct, frozen=True, gc=False):
    """What the query string says."""

    selector: str = ""
    field_selector: str = ""
    watch: bool = False
    pretty: bool | None = None
    timeout: str = ""
    integers: tuple[tuple[str, str], ...] = ()

    @property
    def reviewed_name(self) -> str:
        """The object name the access review is told of: an exact `metadata.name`, if given."""
        for part in self.field_selector.split(","):
            key, _, value = part.partition("=")
            if key.strip() == "metadata.name":
                return value.removeprefix("=").strip()
        return ""


def read_parameters(query: str) -> Parameters:
    """Read a raw query string. The first of repeated parameters wins; unknown ones are ignored."""
    if not query:
        return _NONE
    return _remembered(query) if len(query) <= REMEMBERED else _read(query)


def _read(query: str) -> Parameters:
    found: dict[str, str] = {}
    for pair in query.split("&", _MAX_PAIRS)[:_MAX_PAIRS]:
        if ";" in pair or not _well_encoded(pair):
            continue
        for key, value in parse_qsl(pair, keep_blank_values=True, errors="replace"):
            found.setdefault(key, value)
    pretty = found.get("pretty")
    return Parameters(
        selector=found.get("labelSelector", ""),
        field_selector=found.get("fieldSelector", ""),
        watch=found.get("watch", "") in _TRUE,
        pretty=None if pretty is None else pretty in _TRUE,
        timeout=found.get("timeout", ""),
        integers=tuple(
            (key, found[key]) for key in ("limit", "timeoutSeconds") if found.get(key, "") != ""
        ),
    )


_NONE: Final = Parameters()
_remembered: Final = lru_cache(maxsize=4096)(_read)


def check_parameters(parameters: Parameters) -> None:
    """Raise BadParameterError for what Kubernetes' list handler refuses."""
    for key, value in parameters.integers:
        if not _INTEGER.fullmatch(value):
            raise BadParameterError(f'{key}: "{value[:40]}" is not an integer')
    for part in filter(None, map(str.strip, parameters.field_selector.split(","))):
        key = part.replace("!=", "=").partition("=")[0].strip()
        if "=" not in part or key not in _FIELDS:
            raise BadParameterError(f"field label not supported: {key[:60]}")


def selector_of(parameters: Parameters) -> Selector:
    """The label selector. Raises BadParameterError with Kubernetes' message."""
    try:
        return parse_selector(parameters.selector)
    except SelectorError as error:
        raise BadParameterError(str(error)) from error


def budget_of(parameters: Parameters, limit: float) -> float:
    """Seconds the request may take: `limit`, or less if the caller says so.

    Raises BadParameterError.
    """
    if not parameters.timeout:
        return limit
    try:
        # A number without a unit is a duration in files and flags, and none in a request.
        asked = 0.0 if parameters.timeout == "0" else _with_unit(parameters.timeout)
    except ValueError:
        raise BadParameterError("invalid timeout specified in the request URL") from None
    return min(limit, asked) if asked > 0 else limit


def _with_unit(text: str) -> float:
    if not text[-1].isalpha():
        raise ValueError(f"{text[:40]!r} has no unit")
    return parse_duration(text) / 1000


def _well_encoded(pair: str) -> bool:
    """Whether every percent sign starts an encoded byte; a pair that is not is dropped."""
    position = pair.find("%")
    while position >= 0:
        digits = pair[position + 1 : position + 3]
        if len(digits) != 2 or not all(char in "0123456789abcdefABCDEF" for char in digits):
            return False
        position = pair.find("%", position + 1)
    return True
