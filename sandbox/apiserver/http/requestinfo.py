"""What a request asks for: the verb and the resource, read from method, path and query. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

_VERBS: Final[Mapping[str, str]] = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES: Final = ("status", "finalize")
_ONE_NAME: Final = re.compile(r"metadata\.name==?([^=!\\%/]+)")
_TRUE: Final = ("1", "t", "T", "true", "True", "TRUE")


class RequestInfo(Struct, frozen=True):
    """A request in Kubernetes' terms. For paths outside the API only `verb` and `path` are set."""

    verb: str
    """get, list, watch, create, update, patch, delete or deletecollection."""
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    only: str = ""
    """The one object that a list or watch is limited to by `fieldSelector=metadata.name=…`."""

    @property
    def granted_name(self) -> str:
        """The name that access rules look at: such a list counts as one of that object."""
        return self.name or self.only


def is_true(text: str | None) -> bool:
    """A boolean of the query, in every spelling that Go takes (clients send `True`)."""
    return text in _TRUE


def request_info(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Read a request."""
    verb = _VERBS.get(method, method.lower())
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(verb, path)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    only = ""
    if not name:
        verb = _collection_verb(verb, query)
        only = _selected_name(query) if verb in ("list", "watch") else ""
    return RequestInfo(
        verb, path, True, group, version, namespace, rest[0], name, "/".join(rest[2:]), only
    )


def _selected_name(query: Mapping[str, str]) -> str:
    for term in query.get("fieldSelector", "").split(","):
        match = _ONE_NAME.fullmatch(term.strip())
        if match is not None:
            return match[1]
    return ""


def _collection_verb(verb: str, query: Mapping[str, str]) -> str:
    match verb:
        case "get":
            return "watch" if is_true(query.get("watch")) else "list"
        case "delete":
            return "deletecollection"
        case _:
            return verb
