"""Looks for others that set the count of a target: HorizontalPodAutoscalers, Koupleless' peer
controller and other autoscalers (D37).
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from kube.client.transport import ApiClient
from kube.vocab.times import Clock
from scaler.core.rivals import Claim, rivals, target_key
from scaler.core.spec import Spec
from scaler.core.wire import KIND
from scaler.shell.claims import AUTOSCALED, PEER_DEPLOYMENTS, ClaimLists
from scaler.state.catalogue import Catalogue


class Rivals:
    """Finds the rivals of autoscalers."""

    def __init__(self, client: ApiClient, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._lists: tuple[ClaimLists[Any], ...] = (
            ClaimLists(client, clock, AUTOSCALED),
            ClaimLists(client, clock, PEER_DEPLOYMENTS),
        )

    async def of(self, spec: Spec, known: tuple[Claim, ...] = ()) -> tuple[Claim, ...]:
        """Who else sets the count of the target of `spec`. `known` are those that were found
        before: where nobody can tell now, they are still there.
        """
        if spec.dry_run:
            return ()
        found = self._autoscalers(spec)
        listed = await asyncio.gather(*(one.of(spec.namespace) for one in self._lists))
        for lists, claims in zip(self._lists, listed, strict=True):
            found += _of_kind(known, lists.kind) if claims is None else claims
        return rivals(spec, found)

    def _autoscalers(self, spec: Spec) -> list[Claim]:
        target = target_key(spec.namespace, spec.target)
        return [
            Claim(KIND, other.name, target)
            for other in self._catalogue.on_target(target)
            if other.name != spec.name and not other.dry_run
        ]


def _of_kind(claims: Iterable[Claim], kind: str) -> list[Claim]:
    return [claim for claim in claims if claim.kind == kind]
