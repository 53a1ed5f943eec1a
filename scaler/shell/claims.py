"""Objects that claim to set the count of a target, listed namespace by namespace (D37).

They write their status all the time, so they are listed now and then instead of watched: once a
minute for each namespace that has autoscalers.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec
from cachetools import TTLCache
from msgspec import Struct

from kube.client.errors import KubeError, NotFound
from kube.client.items import KubeObject
from kube.client.lists import list_all
from kube.client.requests import PARTIAL_LIST, Request, Resource, list_of
from kube.client.transport import ApiClient
from kube.service.logs import get_logger
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Clock
from scaler.core.rivals import PEER, PEERS, Claim, target_key
from scaler.core.wire import TargetReference

HPA: Final = "HorizontalPodAutoscaler"
HPAS: Final = Resource("autoscaling", "v2", "horizontalpodautoscalers")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments")
LOOKED_UP_EVERY: Final = 60.0
"""Seconds between two lists of a namespace."""
NAMESPACES: Final = 10_000

_log = get_logger("controllers.WatermarkPodAutoscaler")
T = TypeVar("T", bound=KubeObject)

Claims = tuple[Claim, ...] | None
"""None where they could not be listed."""


class Claimants(Struct, Generic[T], frozen=True):
    """One kind of them: what its claims are called, how it is listed, and what it names."""

    kind: str
    request: Callable[[str], Request]
    decoder: msgspec.json.Decoder[T]
    target: Callable[[T], TargetReference]


class _HpaSpec(Wire, frozen=True):
    scale_target_ref: TargetReference = TargetReference()


class _Hpa(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _HpaSpec = _HpaSpec()


class _Deployment(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()


AUTOSCALED: Final = Claimants(
    HPA,
    lambda namespace: list_of(HPAS, namespace),
    msgspec.json.Decoder(_Hpa),
    lambda hpa: hpa.spec.scale_target_ref,
)
PEER_DEPLOYMENTS: Final = Claimants(
    PEER,
    lambda namespace: list_of(DEPLOYMENTS, namespace, label_selector=PEERS, accept=PARTIAL_LIST),
    msgspec.json.Decoder(_Deployment),
    lambda own: TargetReference("Deployment", own.metadata.name, DEPLOYMENTS.api_version),
)


class ClaimLists(Generic[T]):
    """The claims of one kind."""

    def __init__(self, client: ApiClient, clock: Clock, claimants: Claimants[T]) -> None:
        self.kind: Final = claimants.kind
        self._client = client
        self._claimants = claimants
        self._lists: TTLCache[str, asyncio.Task[Claims]] = TTLCache(
            NAMESPACES, LOOKED_UP_EVERY, timer=clock.monotonic
        )
        self._trouble = ""

    async def of(self, namespace: str) -> Claims:
        """Those of `namespace`. Evaluations that ask at the same time share one list."""
        listing = self._lists.get(namespace)
        if listing is None:
            listing = self._lists[namespace] = asyncio.ensure_future(self._list(namespace))
        # An evaluation that is given up must not take the others' list with it.
        return await asyncio.shield(listing)

    async def _list(self, namespace: str) -> Claims:
        asked = self._claimants
        try:
            listing = await list_all(self._client, asked.request(namespace), asked.decoder)
        except NotFound:
            # A server without this API has no such objects.
            return ()
        except KubeError as error:
            self._complain(namespace, error)
            return None
        self._trouble = ""
        return tuple(
            Claim(self.kind, one.metadata.name, target_key(namespace, asked.target(one)))
            for one in listing.items
        )

    def _complain(self, namespace: str, error: KubeError) -> None:
        """Once for each kind of trouble: with many namespaces it is the same one in all."""
        trouble = type(error).__name__
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning(
                "Cannot look for others that set the count of the same targets",
                kind=self.kind,
                namespace=namespace,
                error=str(error),
            )
