"""From a kind, as objects name it, to the resources that serve it.

Answers are kept per group; a kind that is not among them makes the group be read again, since its
CRD may have come since, but not more often than every `RELOAD_APART` seconds.
"""

from typing import Final

import msgspec
from cachetools import LRUCache
from msgspec import Struct

from kube.client.errors import KubeError, NotFound
from kube.client.requests import Resource, raw_get, segment
from kube.client.singleflight import SingleFlight
from kube.client.transport import ApiClient
from kube.vocab.kinds import WELL_KNOWN, group_of
from kube.vocab.objects import Wire
from kube.vocab.times import Clock, SystemClock

RELOAD_APART: Final = 10.0
KNOWN_GROUPS: Final = 1000
"""Groups whose answers are kept at most; objects can name any."""


class Mapping(Struct, frozen=True):
    """A resource that serves a kind."""

    resource: Resource
    kind: str
    scalable: bool
    """Whether it has the `scale` subresource."""


class NoKindMatch(KubeError):
    """No resource of this server serves the kind."""

    def __init__(self, group: str, kind: str) -> None:
        super().__init__(
            f'no matches for kind "{kind}" in group "{group}" '
            "(is its CRD installed, and are apiVersion and kind spelled right?)"
        )
        self.group = group
        self.kind = kind


class NotScalable(KubeError):
    """The kind is served, but nothing of it has a `scale` subresource."""

    def __init__(self, group: str, kind: str) -> None:
        super().__init__(f'kind "{kind}" in group "{group}" has no scale subresource')
        self.group = group
        self.kind = kind


class _Resource(Wire, frozen=True):
    name: str = ""
    kind: str = ""
    namespaced: bool = False


class _ResourceList(Wire, frozen=True):
    resources: list[_Resource] | None = None


class _Version(Wire, frozen=True):
    version: str = ""


class _Group(Wire, frozen=True):
    versions: list[_Version] | None = None
    preferred_version: _Version = _Version()


class _Known(Struct):
    """What a group was found to serve, and when."""

    mappings: tuple[Mapping, ...]
    loaded_at: float


_RESOURCES: Final = msgspec.json.Decoder(_ResourceList)
_GROUP: Final = msgspec.json.Decoder(_Group)


class Discovery:
    """Looks kinds up on one server."""

    def __init__(self, client: ApiClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._groups: LRUCache[str, _Known] = LRUCache(KNOWN_GROUPS)
        self._loads: SingleFlight[str, None] = SingleFlight()

    def __len__(self) -> int:
        """Groups whose answers are kept."""
        return len(self._groups)

    async def mappings(self, api_version: str, kind: str) -> tuple[Mapping, ...]:
        """All resources that serve `kind`: the named version first, then the server's preference.

        An empty `api_version` is allowed for the well-known kinds. Raises NoKindMatch, and what
        the server says when it cannot be asked.
        """
        group, version = group_of(api_version or WELL_KNOWN.get(kind, ""))
        found = self._find(group, kind)
        if not found:
            await self._load(group)
            found = self._find(group, kind)
        if not found:
            raise NoKindMatch(group, kind)
        return tuple(sorted(found, key=lambda mapping: mapping.resource.version != version))

    async def scalable(self, api_version: str, kind: str) -> Mapping:
        """The first resource of `kind` with a `scale` subresource.

        Raises NotScalable where there is none, and as `mappings` does.
        """
        for mapping in await self.mappings(api_version, kind):
            if mapping.scalable:
                return mapping
        raise NotScalable(group_of(api_version or WELL_KNOWN.get(kind, ""))[0], kind)

    def _find(self, group: str, kind: str) -> list[Mapping]:
        known = self._groups.get(group)
        return [mapping for mapping in known.mappings if mapping.kind == kind] if known else []

    async def _load(self, group: str) -> None:
        """Read the group, together with all who ask meanwhile: one answer or failure for all."""
        known = self._groups.get(group)
        if known is not None and known.loaded_at > self._clock.monotonic() - RELOAD_APART:
            return
        # To its end: who gives up must not take the next ones' answer along.
        await self._loads.share(group, lambda: self._read(group), to_its_end=True)

    async def _read(self, group: str) -> None:
        mappings = [
            mapping
            for version in await self._versions(group)
            for mapping in await self._resources(group, version)
        ]
        self._groups[group] = _Known(tuple(mappings), self._clock.monotonic())

    async def _versions(self, group: str) -> list[str]:
        """The group's versions, the preferred one first; none where the group is unknown."""
        if not group:
            return ["v1"]
        try:
            answer = await self._client.read(
                raw_get(f"/apis/{segment(group)}", resource="discovery"), _GROUP
            )
        except NotFound:
            return []
        preferred = answer.preferred_version.version
        versions = [entry.version for entry in answer.versions or () if entry.version]
        return sorted(versions, key=lambda version: version != preferred)

    async def _resources(self, group: str, version: str) -> list[Mapping]:
        root = Resource(group, version, "-").root
        try:
            answer = await self._client.read(raw_get(root, resource="discovery"), _RESOURCES)
        except NotFound:
            return []
        entries = answer.resources or []
        names = {entry.name for entry in entries}
        return [
            Mapping(
                resource=Resource(group, version, entry.name, entry.namespaced),
                kind=entry.kind,
                scalable=f"{entry.name}/scale" in names,
            )
            for entry in entries
            if entry.name and "/" not in entry.name
        ]
