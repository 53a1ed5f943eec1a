"""Looks for others that set the count of a target: HorizontalPodAutoscalers and autoscalers (D37).

HorizontalPodAutoscalers write their status all the time, so they are listed now and then instead
of watched: once a minute for each namespace that has autoscalers.
"""

import asyncio
from typing import Final

import msgspec
from cachetools import TTLCache

from kube.client.errors import KubeError, NotFound
from kube.client.lists import list_all
from kube.client.requests import Resource, list_of
from kube.client.transport import ApiClient
from kube.service.logs import get_logger
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Clock
from scaler.core.rivals import Claim, rivals, target_key
from scaler.core.spec import Spec
from scaler.core.wire import KIND, TargetReference
from scaler.state.catalogue import Catalogue

HPAS: Final = Resource("autoscaling", "v2", "horizontalpodautoscalers")
LOOKED_UP_EVERY: Final = 60.0
"""Seconds between two lists of a namespace."""
NAMESPACES: Final = 10_000

_log = get_logger("controllers.WatermarkPodAutoscaler")


class _HpaSpec(Wire, frozen=True):
    scale_target_ref: TargetReference = TargetReference()


class _Hpa(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _HpaSpec = _HpaSpec()


_HPA: Final = msgspec.json.Decoder(_Hpa)

Claims = tuple[Claim, ...] | None
"""None where they could not be listed."""


class Rivals:
    """Finds the rivals of autoscalers."""

    def __init__(self, client: ApiClient, catalogue: Catalogue, clock: Clock) -> None:
        self._client = client
        self._catalogue = catalogue
        self._lists: TTLCache[str, asyncio.Task[Claims]] = TTLCache(
            NAMESPACES, LOOKED_UP_EVERY, timer=clock.monotonic
        )
        self._trouble = ""

    async def of(self, spec: Spec) -> Claims:
        """Who else sets the count of the target of `spec`; None where nobody could tell."""
        if spec.dry_run:
            return ()
        hpas = await self._hpas(spec.namespace)
        if hpas is None:
            return None
        return rivals(spec, [*hpas, *self._autoscalers(spec)])

    def _autoscalers(self, spec: Spec) -> list[Claim]:
        target = target_key(spec.namespace, spec.target)
        return [
            Claim(KIND, other.name, target)
            for other in self._catalogue.on_target(target)
            if other.name != spec.name and not other.dry_run
        ]

    async def _hpas(self, namespace: str) -> Claims:
        """Those of `namespace`. Evaluations that ask at the same time share one list."""
        listing = self._lists.get(namespace)
        if listing is None:
            listing = self._lists[namespace] = asyncio.ensure_future(self._list(namespace))
        # An evaluation that is given up must not take the others' list with it.
        return await asyncio.shield(listing)

    async def _list(self, namespace: str) -> Claims:
        try:
            listing = await list_all(self._client, list_of(HPAS, namespace), _HPA)
        except NotFound:
            # A server without this API has no such objects.
            return ()
        except KubeError as error:
            self._complain(namespace, error)
            return None
        self._trouble = ""
        return tuple(
            Claim(
                "HorizontalPodAutoscaler",
                hpa.metadata.name,
                target_key(namespace, hpa.spec.scale_target_ref),
            )
            for hpa in listing.items
        )

    def _complain(self, namespace: str, error: KubeError) -> None:
        """Once for each kind of trouble: with many namespaces it is the same one in all."""
        trouble = type(error).__name__
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning(
                "Cannot look for HorizontalPodAutoscalers on the same targets",
                namespace=namespace,
                error=str(error),
            )
