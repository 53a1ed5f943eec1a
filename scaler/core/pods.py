"""Which pods are the target's, and which of them count (D4, D5, D6)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from kube.vocab.objects import OwnerReference
from kube.vocab.times import SECOND, Millis
from scaler.core.observed import PodCounts

MAX_CHAIN: Final = 8
"""Owner chains are three links long in practice; a longer one is a loop."""

_BETWEEN: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("apps", "Deployment"): frozenset({"ReplicaSet"}),
    ("apps", "ReplicaSet"): frozenset(),
    ("apps", "StatefulSet"): frozenset(),
    ("", "ReplicationController"): frozenset(),
}

Links = Mapping[str, Sequence[OwnerReference] | None]
"""Owner uid to that owner's own owners; None where it could not be read."""


class Pod(Struct, frozen=True, gc=False):
    """A pod as far as a decision looks at it.

    `started` is `status.startTime`, or the creation time where that is absent.
    """

    name: str = ""
    owners: tuple[OwnerReference, ...] = ()
    phase: str = "Pending"
    ready: bool = False
    terminating: bool = False
    started: Millis | None = None

    @property
    def live(self) -> bool:
        """Neither finished nor on its way out."""
        return not self.finished and not self.terminating

    @property
    def finished(self) -> bool:
        """Whether it has run to its end, well or badly."""
        return self.phase in ("Failed", "Succeeded")


class Census(Struct, frozen=True, gc=False):
    """The target's pods in numbers, and the names of those that count."""

    counts: PodCounts
    counted: frozenset[str]


class Target(Struct, frozen=True, gc=False):
    """The scaled object as its pods' owner."""

    uid: str
    name: str
    trusted: bool = False
    """Trust the selector: every pod under it is the target's (annotation skip-owner-check)."""
    between: frozenset[str] | None = None
    """The kinds that can stand between it and its pods; None where that is not known."""

    def leads_through(self, owner: OwnerReference) -> bool:
        """Whether `owner`, which is not the target, can be the target's."""
        return self.between is None or owner.kind in self.between


def kinds_between(group: str, kind: str) -> frozenset[str] | None:
    """What can stand between a target of this kind and its pods, None where that is not known.

    Whoever else owns pods under the selector is then somebody else without being asked for, which
    the scaler may not do (Jobs, DaemonSets, other Deployments).
    """
    return _BETWEEN.get((group, kind))


def count_pods(
    pods: Iterable[Pod],
    target: Target,
    links: Links,
    *,
    now: Millis,
    readiness_delay: int,
    status_replicas: int,
) -> Census:
    """Count the target's pods. `readiness_delay` is in seconds.

    The counted ones are capped at `status_replicas` only where ownership was not established (D4).
    """
    listed = owned = ready = foreign = leaving = 0
    counting: set[str] = set()
    established = not target.trusted
    for pod in pods:
        listed += 1
        belongs, certain = _belongs(pod, target, links)
        if not belongs:
            foreign += 1
            continue
        established = established and certain
        leaving += pod.terminating and not pod.finished
        if pod.live:
            owned += 1
            if pod.ready:
                ready += 1
                if _old_enough(pod, now, readiness_delay):
                    counting.add(pod.name)
    warming, counted = ready - len(counting), len(counting)
    if not established:
        counted = min(counted, status_replicas)
    counts = PodCounts(listed, owned, ready, counted, warming, foreign, leaving)
    return Census(counts, frozenset(counting))


def unread_owners(pods: Iterable[Pod], target: Target, links: Links) -> set[OwnerReference]:
    """The owners that still have to be read before `count_pods` can tell whose the pods are."""
    if target.trusted:
        return set()
    missing: set[OwnerReference] = set()
    for pod in pods:
        frontier: Sequence[OwnerReference] = pod.owners
        for _ in range(MAX_CHAIN):
            if any(owner.uid == target.uid for owner in frontier):
                break
            leading = [owner for owner in frontier if target.leads_through(owner)]
            missing.update(owner for owner in leading if owner.uid not in links)
            frontier = [up for owner in leading for up in links.get(owner.uid) or ()]
    return missing


def _old_enough(pod: Pod, now: Millis, readiness_delay: int) -> bool:
    if readiness_delay <= 0:
        return True
    return pod.started is not None and now - pod.started >= readiness_delay * SECOND


def _belongs(pod: Pod, target: Target, links: Links) -> tuple[bool, bool]:
    """Whether `pod` is the target's, and whether that is certain rather than read off names."""
    if target.trusted:
        return True, False
    frontier: Sequence[OwnerReference] = pod.owners
    certain = bool(target.uid)
    for _ in range(MAX_CHAIN):
        if target.uid and any(owner.uid == target.uid for owner in frontier):
            return True, True
        above: list[OwnerReference] = []
        for owner in frontier:
            if not target.leads_through(owner):
                continue
            owners = links.get(owner.uid)
            if owners is None:
                certain = False
            else:
                above.extend(owners)
        if not above:
            break
        frontier = above
    if certain:
        return False, True
    return any(_named_after(owner, target.name) for owner in pod.owners), False


def _named_after(owner: OwnerReference, name: str) -> bool:
    """Upstream's rule: a ReplicaSet is named `<target>-<hash>` (wpa-behaviour §9)."""
    if owner.kind == "ReplicaSet" and "-" in owner.name:
        return owner.name.rpartition("-")[0] == name
    return owner.name == name
