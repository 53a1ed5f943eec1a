"""The query of a request, read and checked: what lists, watches and writes can be told."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from kube.vocab.objects import StatusCause
from kube.vocab.selectors import Selector, SelectorError, parse_selector
from sandbox.apiserver.errors import BadRequest, Invalid
from sandbox.apiserver.fields import FieldSelector, parse_fields
from sandbox.apiserver.requestinfo import is_true
from sandbox.apiserver.resources import Resource

_LIST_OPTIONS: Final = Resource("meta.k8s.io", "v1", "listoptions", "ListOptions")
_WATCH_SECONDS: Final = 2700
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
    field_manager: str = "unknown"


def list_options(query: Mapping[str, str], resource: Resource, *, watch: bool) -> ListOptions:
    """Read the options of a list or watch. Raises BadRequest or Invalid."""
    try:
        selector = parse_selector(query.get("labelSelector", ""))
    except SelectorError as error:
        raise BadRequest(f"unable to parse labelSelector: {error}") from None
    options = ListOptions(
        selector,
        parse_fields(query.get("fieldSelector", ""), resource),
        _number(query, "limit"),
        query.get("continue", ""),
        _version(query.get("resourceVersion", "")),
        query.get("resourceVersionMatch", ""),
        _number(query, "timeoutSeconds") or _WATCH_SECONDS,
        is_true(query.get("allowWatchBookmarks")),
        is_true(query.get("sendInitialEvents")),
    )
    _check_match(options, "sendInitialEvents" in query, watch)
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
    return WriteOptions(dry_run == "All", validation, query.get("fieldManager") or "unknown")


def _number(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if not text:
        return 0
    if not text.isdecimal():
        raise BadRequest(f'{name}: Invalid value: "{text}": must be a whole number')
    return int(text)


def _version(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise BadRequest(f'resourceVersion: Invalid value: "{text}": must be a version number')
    return int(text)


def _check_match(options: ListOptions, initial_given: bool, watch: bool) -> None:
    fault = ""
    field = "resourceVersionMatch"
    if initial_given and not watch:
        field, fault = "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"
    elif initial_given and options.match != "NotOlderThan":
        fault = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    elif watch and options.match and not initial_given:
        fault = (
            "Forbidden: resourceVersionMatch is forbidden for watch unless "
            "sendInitialEvents is provided"
        )
    elif options.match not in ("", "Exact", "NotOlderThan"):
        fault = f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan"'
    elif not watch and options.match and options.version is None:
        fault = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif options.match == "Exact" and options.version == 0:
        fault = 'Forbidden: resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'
    if fault:
        raise Invalid.of(_LIST_OPTIONS, "", [StatusCause("FieldValueForbidden", fault, field)])
