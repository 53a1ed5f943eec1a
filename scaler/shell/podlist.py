"""The pods under a target's selector, and whose they are.

Pods are listed at each evaluation: always fresh, and never those of the whole cluster (V-05, V-06).
Owners hardly change, so what was read of them is kept by uid in a bounded cache.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
from cachetools import TTLCache

from kube.client.discovery import Discovery, NoKindMatch
from kube.client.errors import BadAnswer, Forbidden, KubeError, NotFound
from kube.client.lists import list_all
from kube.client.requests import Resource, get_of, list_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, OwnerReference, Wire
from kube.vocab.times import Clock, Millis, moment_of
from scaler.core.pods import (
    MAX_CHAIN,
    Census,
    Pod,
    Target,
    count_pods,
    kinds_between,
    unread_owners,
)
from scaler.core.spec import Spec
from scaler.shell.scales import ScaleObject

PODS: Final = Resource("", "v1", "pods")
KNOWN_OWNERS: Final = 50_000
OWNERS_TRUSTED_FOR: Final = 600.0
"""Seconds after which an owner is read again: adoption by another owner is rare, not impossible."""


class _Condition(Wire, frozen=True):
    type: str = ""
    status: str = ""


class _PodStatus(Wire, frozen=True):
    phase: str = ""
    start_time: str | None = None
    conditions: list[_Condition] | None = None


class _WirePod(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    status: _PodStatus = _PodStatus()


class _Owner(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()


_POD: Final = msgspec.json.Decoder(_WirePod)
_OWNER: Final = msgspec.json.Decoder(_Owner)

Owners = tuple[OwnerReference, ...] | None
"""An owner's own owners; None where they may not be read."""


class PodCounter:
    """Counts the pods of targets."""

    def __init__(self, client: ApiClient, discovery: Discovery, clock: Clock) -> None:
        self._client = client
        self._discovery = discovery
        self._clock = clock
        self._links: TTLCache[str, Owners] = TTLCache(
            KNOWN_OWNERS, OWNERS_TRUSTED_FOR, timer=clock.monotonic
        )

    async def count(self, spec: Spec, scale: ScaleObject, now: Millis) -> Census:
        """The target's pods as of now. Raises KubeError where they cannot be listed."""
        request = list_of(PODS, scale.namespace, label_selector=scale.scale.selector)
        listing = await list_all(self._client, request, _POD)
        for item in listing.undecodable:
            # A pod that nobody can read is not one that is not there.
            raise BadAnswer(request.title, f"pod {item.metadata.name!r}: {item.error}")
        pods = [_pod(item) for item in listing.items]
        between = kinds_between(scale.resource.group, spec.target.kind)
        target = Target(scale.uid, scale.name, spec.skip_owner_check, between)
        await self._read_owners(scale.namespace, pods, target)
        return count_pods(
            pods,
            target,
            self._links,
            # Young or old by the clock that dated them: ours may have jumped (D40).
            now=now + self._client.server_clock.ahead,
            readiness_delay=spec.readiness_delay,
            status_replicas=scale.scale.status_replicas,
        )

    async def _read_owners(self, namespace: str, pods: Iterable[Pod], target: Target) -> None:
        """Follow owners upwards until nothing is left to read."""
        for _ in range(MAX_CHAIN):
            missing = unread_owners(pods, target, self._links)
            if not missing:
                return
            found = await asyncio.gather(*(self._owners_of(namespace, one) for one in missing))
            self._links.update(zip((owner.uid for owner in missing), found, strict=True))

    async def _owners_of(self, namespace: str, owner: OwnerReference) -> Owners:
        try:
            mapping = (await self._discovery.mappings(owner.api_version, owner.kind))[0]
            name = owner.name
            request = get_of(
                mapping.resource, namespace if mapping.resource.namespaced else "", name
            )
            found = await self._client.read(request, _OWNER)
        except (Forbidden, NoKindMatch):
            return None
        except NotFound:
            # Its pods outlive it for a moment; it belongs to nobody any more.
            return ()
        if found.metadata.uid != owner.uid:
            return ()
        return tuple(found.metadata.owner_references or ())


def _pod(item: _WirePod) -> Pod:
    ready = any(
        entry.type == "Ready" and entry.status == "True" for entry in item.status.conditions or ()
    )
    return Pod(
        name=item.metadata.name,
        owners=tuple(item.metadata.owner_references or ()),
        phase=item.status.phase,
        ready=ready,
        terminating=item.metadata.deletion_timestamp is not None,
        started=moment_of(item.status.start_time) or moment_of(item.metadata.creation_timestamp),
    )


def describe(error: KubeError) -> str:
    """Why pods could not be counted."""
    return f"unable to get pods while calculating replica count: {error}"
