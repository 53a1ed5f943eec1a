"""The query of a request, read and checked: what lists, watches and writes can be told."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from kube.vocab.objects import StatusCause
from kube.vocab.selectors import Selector, SelectorError, parse_selector
from sandbox.apiserver.http.requestinfo import is_true
from sandbox.apiserver.kinds.resources import Resource
from sandbox.apiserver.storage.errors import BadRequest, InternalError, Invalid
from sandbox.apiserver.storage.fields import FieldSelector, parse_fields

_LIST_OPTIONS: Final = Resource("meta.k8s.io", "v1", "listoptions", "ListOptions")
_WATCH_SECONDS: Final = 2700
_MATCH: Final = "resourceVersionMatch"
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_VALIDATIONS: Final = ("Ignore", "Warn", "Strict")


class ListOptions(Struct, frozen=True):
    """What a list or watch asks for. `version` None means the newest."""

    selector: Selector
    fields: FieldSelector
    limit: int = 0
    continue_: str = ""
    version: int | None = None
    match: str = ""
    timeout_seconds: int = _WATCH_SECONDS
    bookmarks: bool = False
    send_initial_events: bool = False


class WriteOptions(Struct, frozen=True):
    """How a write is to be done."""

    dry_run: bool = False
    field_validation: str = "Warn"
    field_manager: str = ""


def list_options(query: Mapping[str, str], resource: Resource, *, watch: bool) -> ListOptions:
    """Read the options of a list or watch. Raises BadRequest or Invalid; for a watch from a
    version that is no number InternalError, as the real server does.
    """
    try:
        selector = parse_selector(query.get("labelSelector", ""))
    except SelectorError as error:
        raise BadRequest(f"unable to parse labelSelector: {error}") from None
    options = ListOptions(
        selector,
        parse_fields(query.get("fieldSelector", ""), resource),
        _number(query, "limit"),
        query.get("continue", ""),
        _version(query.get("resourceVersion", ""), watch),
        query.get("resourceVersionMatch", ""),
        _number(query, "timeoutSeconds") or _WATCH_SECONDS,
        is_true(query.get("allowWatchBookmarks")),
        is_true(query.get("sendInitialEvents")),
    )
    faults = list(_match_faults(options, "sendInitialEvents" in query, watch))
    if faults:
        raise Invalid.of(_LIST_OPTIONS, "", faults)
    return options


def write_options(query: Mapping[str, str]) -> WriteOptions:
    """Read the options of a write. Raises BadRequest."""
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise BadRequest(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
    validation = query.get("fieldValidation", "Warn")
    if validation not in _VALIDATIONS:
        raise BadRequest(
            f'fieldValidation: Unsupported value: "{validation}": supported values: '
            '"Ignore", "Strict", "Warn"'
        )
    return WriteOptions(dry_run == "All", validation, query.get("fieldManager", ""))


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if not text:
        return 0
    if _WHOLE.fullmatch(text) is None:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return max(0, int(text))


def _version(text: str, watch: bool) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        fault = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
        raise InternalError(fault) if watch else BadRequest(f"invalid resource version: {fault}")
    return int(text)


def _match_faults(options: ListOptions, initial_given: bool, watch: bool) -> Iterator[StatusCause]:
    match = options.match
    if initial_given and not watch:
        yield _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if watch and initial_given and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        yield _forbidden(_MATCH, why)
    elif watch and match and not initial_given:
        why = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
        yield _forbidden(_MATCH, why)
    elif match not in ("", "Exact", "NotOlderThan"):
        fault = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        yield StatusCause("FieldValueNotSupported", fault, _MATCH)
    elif not watch and match and options.version is None:
        yield _forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
    elif match == "Exact" and options.version == 0:
        yield _forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')


def _forbidden(field: str, why: str) -> StatusCause:
    return StatusCause("FieldValueForbidden", f"Forbidden: {why}", field)
