"""Requests to an API server as plain values: what is asked, not how it is sent."""

from enum import StrEnum
from typing import Final, Literal
from urllib.parse import quote, urlencode

from msgspec import Struct

Operation = Literal["get", "list", "watch", "create", "update", "patch", "delete"]
"""The verb as access rules and metrics name it."""

JSON: Final = "application/json"
PARTIAL_LIST: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
"""`Accept` of a list that wants metadata only, a sixth of the work (python-stack §3.7)."""
PARTIAL_OBJECT: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
"""`Accept` of a read or a watch that wants metadata only."""

_METHODS: Final[dict[Operation, str]] = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}


class Patch(StrEnum):
    """Patch formats, always named: nothing is guessed from the shape of a body."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


class Resource(Struct, frozen=True):
    """A resource type as paths name it. The core group is ""."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects: "v1", "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Path of the group and version."""
        if self.group:
            return f"/apis/{segment(self.group)}/{segment(self.version)}"
        return f"/api/{segment(self.version)}"


class Request(Struct, frozen=True):
    """One request. `path` is already escaped; `query` is not."""

    operation: Operation
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    resource: str = ""
    """Label for metrics: "deployments", "deployments/scale"."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _METHODS[self.operation]

    @property
    def target(self) -> str:
        """Path and query as sent."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def title(self) -> str:
        """How messages name it: method and path, without the query."""
        return f"{self.method} {self.path}"

    @property
    def is_read(self) -> bool:
        """Whether asking again can change nothing."""
        return self.method == "GET"

    @property
    def whole(self) -> str:
        """What its answer depends on: API group, resource, and whether it is read or written."""
        root = self.path.split("/", 4)[1:4]
        return f"{'/'.join(root)} {self.resource} {'read' if self.is_read else 'write'}"

    @property
    def part(self) -> str:
        """The part of the whole that may be in trouble alone: a namespace, an external metric."""
        return "/".join(self.path.split("/", 7)[:7])

    def with_query(self, **query: str) -> "Request":
        """The same request with `query` laid over its own; an empty value takes a key away."""
        merged = dict(self.query) | query
        kept = tuple((key, value) for key, value in merged.items() if value)
        return Request(
            operation=self.operation,
            path=self.path,
            query=kept,
            body=self.body,
            content_type=self.content_type,
            accept=self.accept,
            resource=self.resource,
        )


def segment(text: str) -> str:
    """`text` as exactly one path segment. Raises ValueError where that cannot be."""
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} cannot stand in an API path")
    return quote(text, safe="")


def path_of(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Path of a collection, an object or a subresource. `namespace` is left out for
    cluster-scoped resources; "" on a namespaced collection means all namespaces.
    """
    parts = [resource.root]
    if resource.namespaced and namespace:
        parts += ["namespaces", segment(namespace)]
    elif resource.namespaced and name:
        raise ValueError(f"{resource.plural} {name!r}: the namespace is missing")
    parts.append(segment(resource.plural))
    if name:
        parts.append(segment(name))
    if subresource:
        parts.append(segment(subresource))
    return "/".join(parts)


def list_of(
    resource: Resource,
    namespace: str = "",
    *,
    label_selector: str = "",
    field_selector: str = "",
    resource_version: str = "",
    limit: int = 0,
    accept: str = JSON,
) -> Request:
    """LIST a collection. `resource_version` unset asks for the newest state."""
    return Request(
        operation="list",
        path=path_of(resource, namespace),
        query=_query(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            limit=str(limit) if limit else "",
        ),
        accept=accept,
        resource=resource.plural,
    )


def get_of(
    resource: Resource, namespace: str, name: str, *, subresource: str = "", accept: str = JSON
) -> Request:
    """GET one object or subresource."""
    return Request(
        operation="get",
        path=path_of(resource, namespace, segment_present(name), subresource),
        accept=accept,
        resource=_label(resource, subresource),
    )


def raw_get(path: str, query: tuple[tuple[str, str], ...] = (), resource: str = "") -> Request:
    """GET any path, already escaped: discovery, aggregated APIs."""
    return Request(operation="get", path=path, query=query, resource=resource)


def create_of(
    resource: Resource, namespace: str, body: bytes, *, name: str = "", subresource: str = ""
) -> Request:
    """POST to a collection, or to a subresource of `name`."""
    return Request(
        operation="create",
        path=path_of(resource, namespace, name, subresource),
        body=body,
        resource=_label(resource, subresource),
    )


def update_of(
    resource: Resource, namespace: str, name: str, body: bytes, *, subresource: str = ""
) -> Request:
    """PUT an object; with `metadata.resourceVersion` in the body it conflicts when stale."""
    return Request(
        operation="update",
        path=path_of(resource, namespace, segment_present(name), subresource),
        body=body,
        resource=_label(resource, subresource),
    )


def patch_of(
    resource: Resource,
    namespace: str,
    name: str,
    body: bytes,
    kind: Patch,
    *,
    subresource: str = "",
    field_manager: str = "",
    force: bool = False,
) -> Request:
    """PATCH an object. `field_manager` and `force` belong to `Patch.APPLY`."""
    return Request(
        operation="patch",
        path=path_of(resource, namespace, segment_present(name), subresource),
        query=_query(fieldManager=field_manager, force="true" if force else ""),
        body=body,
        content_type=kind.value,
        resource=_label(resource, subresource),
    )


def delete_of(resource: Resource, namespace: str, name: str, body: bytes | None = None) -> Request:
    """DELETE one object; `body` is an optional `DeleteOptions`."""
    return Request(
        operation="delete",
        path=path_of(resource, namespace, segment_present(name)),
        body=body,
        resource=resource.plural,
    )


def segment_present(name: str) -> str:
    """`name`, or ValueError when it is empty: an object path must not become a collection's."""
    if not name:
        raise ValueError("an object name is missing")
    return name


def _label(resource: Resource, subresource: str) -> str:
    return f"{resource.plural}/{subresource}" if subresource else resource.plural


def _query(**pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in pairs.items() if value)
