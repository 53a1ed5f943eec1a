"""Which resources are served at this moment: the built-in ones, the reviews, and what
CustomResourceDefinitions and APIServices add.
"""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from msgspec import Struct

from sandbox.apiserver.kinds.definitions import defined_resources
from sandbox.apiserver.kinds.resources import APISERVICES, BUILT_IN, DEFINITIONS, Object, Resource
from sandbox.apiserver.storage.store import Store

Answer = Callable[[web.Request, Object], Awaitable[Object]]
"""Answers a review: the request (with `request[USER]`) and its body to the completed body."""


class Review(Struct, frozen=True):
    """A create-only resource that is answered, never stored (SubjectAccessReview and its kin)."""

    resource: Resource
    answer: Answer


class Catalogue:
    """Finds resources by name; reads the store, so it is always up to date."""

    def __init__(self, store: Store, reviews: Iterable[Review] = ()) -> None:
        self._store = store
        self._fixed = {(item.group, item.version, item.plural): item for item in BUILT_IN}
        self.reviews = {
            (item.resource.group, item.resource.version, item.resource.plural): item
            for item in reviews
        }
        self._defined: dict[str, tuple[str, tuple[Resource, ...]]] = {}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The stored resource of that name in that version, or None."""
        fixed = self._fixed.get((group, version, plural))
        if fixed is not None:
            return fixed
        definition = self._store.find(DEFINITIONS, "", f"{plural}.{group}")
        if definition is None:
            return None
        return next(
            (item for item in self._resources_of(definition) if item.version == version), None
        )

    def resources(self) -> list[Resource]:
        """Everything that is stored here, built-in first."""
        found = list(self._fixed.values())
        for definition in self._store.view(DEFINITIONS):
            found.extend(self._resources_of(definition))
        return found

    def serves(self, group: str, version: str) -> bool:
        """Whether requests of that group and version are for this server: of its own groups all
        are, of defined ones those for a version that is served.
        """
        own = {key[0] for key in (*self._fixed, *self.reviews)}
        defined = {(item.group, item.version) for item in self.resources()}
        return group in own or (group, version) in defined

    def aggregated(self, group: str, version: str) -> Object | None:
        """The APIService that hands this group and version to another server, or None."""
        service = self._store.find(APISERVICES, "", f"{version}.{group}")
        return service if service is not None and is_remote(service) else None

    def remote_services(self) -> list[Object]:
        """All APIServices that hand a group to another server."""
        return [item for item in self._store.view(APISERVICES) if is_remote(item)]

    def _resources_of(self, definition: Object) -> tuple[Resource, ...]:
        meta = definition["metadata"]
        known = self._defined.get(meta["name"])
        if known is None or known[0] != meta["resourceVersion"]:
            known = (meta["resourceVersion"], tuple(defined_resources(definition)))
            self._defined[meta["name"]] = known
        return known[1]


def is_remote(service: Object) -> bool:
    """Whether an APIService names a service elsewhere."""
    return bool((service.get("spec") or {}).get("service"))
