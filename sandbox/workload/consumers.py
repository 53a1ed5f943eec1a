"""Which Ready pods each consumer Deployment has, asked from the Kubernetes API.

Pods are told apart by owner (pod → ReplicaSet → Deployment, by uid): the Deployments of the demo
share their pod labels on purpose (scenario K-03), so labels would count everything twice.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import msgspec

from kube.vocab.conditions import Condition
from kube.vocab.objects import ObjectMeta, Wire


class PodStatus(Wire, frozen=True):
    """`status` of a pod, as far as readiness needs it."""

    phase: str = ""
    conditions: list[Condition] | None = None


class Owned(Wire, frozen=True):
    """A pod, ReplicaSet or Deployment: who it is and whom it belongs to."""

    metadata: ObjectMeta = ObjectMeta()
    status: PodStatus = PodStatus()

    @property
    def is_ready(self) -> bool:
        """Running, not terminating, condition Ready true."""
        if self.metadata.deletion_timestamp or self.status.phase != "Running":
            return False
        return any(c.type == "Ready" and c.is_true for c in self.status.conditions or ())

    @property
    def owner(self) -> str:
        """The controller's uid, or the empty string."""
        owners = self.metadata.owner_references or ()
        return next((owner.uid for owner in owners if owner.controller), "")


class OwnedList(Wire, frozen=True):
    """Any list of the above."""

    items: list[Owned] | None = None


_DECODER: Final = msgspec.json.Decoder(OwnedList)

Get = Callable[[str], Awaitable[bytes]]
"""GET of a path of the Kubernetes API: the body of a 200; anything else raises."""


async def read_ready_pods(get: Get, namespaces: Iterable[str]) -> dict[str, frozenset[str]]:
    """Names of the Ready pods by `namespace/deployment`. Raises what `get` raises."""
    ready: dict[str, frozenset[str]] = {}
    for namespace in sorted(set(namespaces)):
        apps = f"/apis/apps/v1/namespaces/{namespace}"
        deployments = _DECODER.decode(await get(f"{apps}/deployments")).items or []
        replica_sets = _DECODER.decode(await get(f"{apps}/replicasets")).items or []
        pods = _DECODER.decode(await get(f"/api/v1/namespaces/{namespace}/pods")).items or []
        by_name = ready_by_deployment(deployments, replica_sets, pods)
        ready.update({f"{namespace}/{name}": names for name, names in by_name.items()})
    return ready


def ready_by_deployment(
    deployments: Iterable[Owned], replica_sets: Iterable[Owned], pods: Iterable[Owned]
) -> Mapping[str, frozenset[str]]:
    """Names of the Ready pods of each Deployment, by owner uids; all of one namespace."""
    names = {deployment.metadata.uid: deployment.metadata.name for deployment in deployments}
    parents = {rs.metadata.uid: names[rs.owner] for rs in replica_sets if rs.owner in names}
    ready: dict[str, set[str]] = {name: set() for name in names.values()}
    for pod in pods:
        if pod.is_ready and pod.owner in parents:
            ready[parents[pod.owner]].add(pod.metadata.name)
    return {name: frozenset(pods_of) for name, pods_of in ready.items()}
