"""From a request line to what is asked: paths, attributes of the access review, parameters.

Sources: external-metrics-api §1 (paths), §2 (parameters, E-1), §9.4 (verbs of the review).
"""

from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote

from msgspec import Struct

from adapter.core.documents import GROUP, ROOT
from adapter.core.openapi import V3_PATH
from adapter.core.parameters import REMEMBERED

Page = Literal[
    "index", "groups", "group", "resources", "openapi-v2", "openapi-v3", "openapi-v3-group",
    "version", "metrics", "debug-rules", "debug-query", "unknown", "unknown-resource",
]  # fmt: skip

_PAGES: Final[dict[str, Page]] = {
    "/": "index",
    "/apis": "groups",
    f"/apis/{GROUP}": "group",
    ROOT: "resources",
    "/openapi/v2": "openapi-v2",
    "/openapi/v3": "openapi-v3",
    V3_PATH: "openapi-v3-group",
    "/version": "version",
    "/metrics": "metrics",
    "/debug/rules": "debug-rules",
    "/debug/query": "debug-query",
}
_HEALTH: Final = ("healthz", "livez", "readyz")
SERVED_PATHS: Final = (*sorted(path for path in _PAGES if path != "/"), *(f"/{p}" for p in _HEALTH))
_NAMESPACES: Final = f"{ROOT}/namespaces/"
_METRIC_VERBS: Final = {
    "GET": "list",
    "HEAD": "list",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "deletecollection",
}


class MetricRoute(Struct, frozen=True, gc=False):
    """One metric in one namespace."""

    namespace: str
    metric: str


class HealthRoute(Struct, frozen=True, gc=False):
    """A health endpoint, or one check of it."""


class PageRoute(Struct, frozen=True, gc=False):
    """Anything else: a document or nothing."""

    page: Page


Route = MetricRoute | HealthRoute | PageRoute


def target(text: str) -> tuple[str, str]:
    """Path and query of a request line's target, both still encoded; it may name a host before."""
    path, _, query = text.partition("?")
    if not path.startswith("/"):
        _, scheme, rest = path.partition("://")
        path = f"/{rest.partition('/')[2]}" if scheme else path
    return path, query


def decoded(raw_path: str) -> str:
    """The path with its percent-encoding undone: what access reviews are told."""
    return unquote(raw_path, errors="backslashreplace")


def route_of(raw_path: str) -> Route:
    """What the still encoded path names. Percent-encoding is undone before the path is cut."""
    return _remembered(raw_path) if len(raw_path) <= REMEMBERED else _route(raw_path)


def _route(raw_path: str) -> Route:
    path = decoded(raw_path)
    if not path.isprintable():
        return PageRoute("unknown")
    trimmed = path[:-1] if path.endswith("/") and path != "/" else path
    page = _PAGES.get(trimmed)
    if page is not None:
        return PageRoute(page)
    if trimmed.startswith(_NAMESPACES):
        namespace, slash, metric = trimmed.removeprefix(_NAMESPACES).partition("/")
        if namespace and slash and metric and "/" not in metric:
            return MetricRoute(namespace, metric)
    if path[1:].partition("/")[0] in _HEALTH:
        return HealthRoute()
    return PageRoute("unknown-resource" if path.startswith(f"/apis/{GROUP}/") else "unknown")


_remembered: Final = lru_cache(maxsize=4096)(_route)


def metric_verb(method: str, watch: bool) -> str:
    """The verb under which a metric request is reviewed (reads are `list`)."""
    if watch and method in ("GET", "HEAD"):
        return "watch"
    return _METRIC_VERBS.get(method, "")
