"""Who else sets the replica count of a target (D37).

Two controllers on one target work against each other. That is told, and scaling goes on: which of
them should go is for people to say. An autoscaler in dry-run writes nothing and is nobody's rival.
The same goes for a selector that matches pods of others: only own pods count, and it is told once.
"""

from collections.abc import Iterable

from msgspec import Struct

from kube.vocab.kinds import WELL_KNOWN, group_of
from scaler.core.events import EventDraft
from scaler.core.messages import reference
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.core.wire import TargetReference

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


def conflict_event(spec: Spec, found: Iterable[Claim]) -> EventDraft:
    """What to tell about the rivals `found`."""
    others = " and ".join(f"{claim.kind} {claim.name}" for claim in found)
    text = (
        f"the replica count of {reference(spec)} is also set by {others}: they work against each "
        "other; delete all but one of them, or set dryRun on this one"
    )
    return EventDraft("Warning", "ConflictingController", text)


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
