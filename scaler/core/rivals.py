"""Who else sets the replica count of a target (D37).

Two controllers on one target work against each other. That is told, and scaling goes on: which of
them should go is for people to say. Only to the peer controller of Koupleless it gives way, as in
dry-run: that one counts bases, and knows nothing of bounds, delays or metrics (R003-H).
An autoscaler in dry-run writes nothing and is nobody's rival.
The same goes for a selector that matches pods of others: only own pods count, and it is told once.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, structs

from kube.vocab.kinds import WELL_KNOWN, group_of
from scaler.core.events import EventDraft
from scaler.core.messages import reference
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.core.wire import TargetReference

PEER: Final = "Koupleless' peer controller"
"""As the kind of a claim: the part of Koupleless' module controller that sets the replica count of
module Deployments to the number of bases."""
PEERS: Final = (
    "virtual-kubelet.koupleless.io/strategy=peer,"
    "virtual-kubelet.koupleless.io/replicas-control!=true"
)
"""Label selector of the Deployments whose count it sets."""

TargetKey = tuple[str, str, str, str]
"""Namespace, group, kind, name: one object, whatever version of its kind it is named by."""


class Claim(Struct, frozen=True, gc=False, order=True):
    """An object whose controller sets the count of `target`."""

    kind: str
    name: str
    target: TargetKey


def target_key(namespace: str, target: TargetReference) -> TargetKey:
    """The identity of a target named from within `namespace`."""
    group, _ = group_of(target.api_version or WELL_KNOWN.get(target.kind, ""))
    return namespace, group, target.kind, target.name


def rivals(spec: Spec, claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Those of `claims` that are on the target of `spec`, in order; none where it is in dry-run."""
    if spec.dry_run:
        return ()
    own = target_key(spec.namespace, spec.target)
    return tuple(sorted(claim for claim in claims if claim.target == own))


def giving_way(spec: Spec, found: Iterable[Claim]) -> Spec:
    """What to act by, given the rivals `found`: in dry-run where the peer controller is there."""
    if all(claim.kind != PEER for claim in found):
        return spec
    return structs.replace(spec, dry_run=True, gives_way_to=PEER)


def conflict_events(spec: Spec, found: Iterable[Claim]) -> list[EventDraft]:
    """What to tell about the rivals `found`."""
    texts: list[str] = []
    claims = tuple(found)
    others = [f"{claim.kind} {claim.name}" for claim in claims if claim.kind != PEER]
    if len(others) < len(claims):
        texts.append(
            f"the replica count of {reference(spec)} is also set by {PEER}, so that this "
            "autoscaler writes nothing, as with dryRun: label the target "
            'virtual-kubelet.koupleless.io/replicas-control: "true" to keep that controller off '
            "it, or delete the autoscaler"
        )
    if others:
        texts.append(
            f"the replica count of {reference(spec)} is also set by {' and '.join(others)}: they "
            "work against each other; delete all but one of them, or set dryRun on this one"
        )
    return [EventDraft("Warning", "ConflictingController", text) for text in texts]


def overlap_event(spec: Spec, decision: Decision, before: Decision | None) -> EventDraft | None:
    """What to tell when pods of others turn up under the target's selector (K-03)."""
    if decision.pods is None or decision.pods.foreign == 0:
        return None
    if before is not None and before.pods is not None and before.pods.foreign > 0:
        return None
    text = (
        f"the selector of {reference(spec)} also matches {decision.pods.foreign} pods that do not "
        "belong to it; only its own are counted here, but other tools may mix them up: give each "
        "workload a label of its own"
    )
    return EventDraft("Warning", "OverlappingSelector", text)
