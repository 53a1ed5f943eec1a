"""Discovery: which groups, versions and resources there are, in the old form and the new one."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from aiohttp import web
from msgspec import Struct

from sandbox.apiserver.kinds.catalogue import Catalogue
from sandbox.apiserver.kinds.resources import Object, Resource

VERBS: Final = (
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
)  # fmt: skip
_SUBRESOURCE_VERBS: Final = ("get", "patch", "update")


class Aggregation(Protocol):
    """What serves the groups that APIServices hand to other servers."""

    async def proxy(self, request: web.Request, service: Object) -> web.StreamResponse:
        """Pass the request on to the APIService's backend and its answer back."""
        ...

    async def resources(self, service: Object) -> Object | None:
        """The backend's APIResourceList for that version; None if it does not answer."""
        ...


class Entry(Struct, frozen=True):
    """A resource, or subresource "plural/name", as discovery shows it."""

    name: str
    resource: Resource
    kind: tuple[str, str, str]
    verbs: tuple[str, ...]


class Discovery:
    """The documents below `/api` and `/apis`."""

    def __init__(self, catalogue: Catalogue, aggregation: Aggregation | None) -> None:
        self._catalogue = catalogue
        self._aggregation = aggregation

    def groups(self) -> Object:
        """`APIGroupList`."""
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(name, versions) for name, versions in self._versions().items()],
        }

    def group(self, name: str) -> Object | None:
        """`APIGroup` of one group, None if there is none."""
        versions = self._versions().get(name)
        return (
            {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None
        )

    def resources(self, group: str, version: str) -> Object | None:
        """`APIResourceList` of what is served here in one version, None if there is nothing."""
        entries = self._entries(group, version)
        if not entries:
            return None
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [_api_resource(entry) for entry in entries],
        }

    def core(self) -> Object:
        """`APIGroupDiscoveryList` of the legacy group."""
        version = _version_discovery("v1", self._entries("", "v1"))
        return _discovery_list([{"metadata": {"name": ""}, "versions": [version]}])

    async def everything(self) -> Object:
        """`APIGroupDiscoveryList` of all named groups; asks the backends of APIServices."""
        remote = await self._remote_versions()
        items = []
        for group, versions in self._versions().items():
            found = [
                remote.get((group, version))
                or _version_discovery(version, self._entries(group, version))
                for version in versions
            ]
            items.append({"metadata": {"name": group}, "versions": found})
        return _discovery_list(items)

    async def _remote_versions(self) -> dict[tuple[str, str], Object]:
        services = self._catalogue.remote_services()
        aggregation = self._aggregation
        if aggregation is None:
            return {}
        lists = await asyncio.gather(*(aggregation.resources(item) for item in services))
        return {
            (item["spec"]["group"], item["spec"]["version"]): _remote_discovery(item, resources)
            for item, resources in zip(services, lists, strict=True)
        }

    def _versions(self) -> dict[str, list[str]]:
        """Versions by named group, the preferred one first."""
        found: dict[str, list[str]] = {}
        local = [(item.group, item.version) for item in self._local()]
        remote = [
            (item["spec"]["group"], item["spec"]["version"])
            for item in self._catalogue.remote_services()
        ]
        for group, version in (*local, *remote):
            versions = found.setdefault(group, [])
            if version not in versions:
                versions.append(version)
        found.pop("", None)
        return found

    def _local(self) -> list[Resource]:
        reviews = [review.resource for review in self._catalogue.reviews.values()]
        return self._catalogue.resources() + reviews

    def _entries(self, group: str, version: str) -> list[Entry]:
        entries: list[Entry] = []
        for item in self._catalogue.resources():
            if (item.group, item.version) == (group, version):
                entries.extend(_entries_of(item))
        for review in self._catalogue.reviews.values():
            item = review.resource
            if (item.group, item.version) == (group, version):
                kind = (item.group, item.version, item.kind)
                entries.append(Entry(item.plural, item, kind, ("create",)))
        return entries


def _entries_of(resource: Resource) -> Iterable[Entry]:
    kind = (resource.group, resource.version, resource.kind)
    yield Entry(resource.plural, resource, kind, VERBS)
    if resource.status:
        yield Entry(f"{resource.plural}/status", resource, kind, _SUBRESOURCE_VERBS)
    if resource.scale is not None:
        scale = ("autoscaling", "v1", "Scale")
        yield Entry(f"{resource.plural}/scale", resource, scale, _SUBRESOURCE_VERBS)


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _api_resource(entry: Entry) -> Object:
    resource = entry.resource
    is_main = "/" not in entry.name
    shown: Object = {
        "name": entry.name,
        "singularName": resource.singular_name if is_main else "",
        "namespaced": resource.namespaced,
        "kind": entry.kind[2],
        "verbs": entry.verbs,
    }
    if entry.kind[:2] != (resource.group, resource.version):
        shown["group"], shown["version"] = entry.kind[:2]
    if is_main and resource.short_names:
        shown["shortNames"] = resource.short_names
    if is_main and resource.categories:
        shown["categories"] = resource.categories
    return shown


def _version_discovery(version: str, entries: Iterable[Entry]) -> Object:
    resources: list[Object] = []
    for entry in entries:
        plural, _, subresource = entry.name.partition("/")
        group, kind_version, kind = entry.kind
        response = {"group": group, "version": kind_version, "kind": kind}
        if subresource:
            below = {"subresource": subresource, "responseKind": response, "verbs": entry.verbs}
            resources[-1].setdefault("subresources", []).append(below)
            continue
        resources.append(
            {
                "resource": plural,
                "responseKind": response,
                "scope": "Namespaced" if entry.resource.namespaced else "Cluster",
                "singularResource": entry.resource.singular_name,
                "verbs": entry.verbs,
                "shortNames": entry.resource.short_names,
                "categories": entry.resource.categories,
            }
        )
    return {"version": version, "resources": resources, "freshness": "Current"}


def _remote_discovery(service: Object, found: Object | None) -> Object:
    """What a backend told, in the new form; without an answer the version is marked stale."""
    group, version = service["spec"]["group"], service["spec"]["version"]
    if found is None:
        return {"version": version, "resources": [], "freshness": "Stale"}
    resources = [
        {
            "resource": item["name"],
            "responseKind": {
                "group": item.get("group") or group,
                "version": item.get("version") or version,
                "kind": item["kind"],
            },
            "scope": "Namespaced" if item.get("namespaced") else "Cluster",
            "singularResource": item.get("singularName") or item["name"],
            "verbs": item.get("verbs") or [],
        }
        for item in found.get("resources") or ()
        if "/" not in item["name"] or item["name"].startswith("*/")
    ]
    return {"version": version, "resources": resources, "freshness": "Current"}


def _discovery_list(items: list[Object]) -> Object:
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
