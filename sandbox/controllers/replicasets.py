"""ReplicaSets: as many pods as wanted, and a status that counts them."""

from typing import Any, Final

from sandbox.apiserver.kinds.resources import PODS, REPLICASETS, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Controller, Key, Seconds, Trigger, own_key
from sandbox.controllers.owners import controller_key, owned
from sandbox.controllers.pods import available_in, is_active, is_ready, new_pod, removal_order

_BURST: Final = 200
"""Pods made in one go; requests are served before the next ones."""


def replicaset_controller(store: Store) -> Controller:
    """The controller, ready to run."""
    triggers = [
        Trigger(REPLICASETS, own_key),
        Trigger(PODS, controller_key(REPLICASETS.kind)),
    ]
    return Controller("replicaset", store, triggers, _ReplicaSets(store).reconcile)


class _ReplicaSets:
    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, key: Key) -> Seconds | None:
        replicaset = self._store.find(REPLICASETS, *key)
        if replicaset is None or "deletionTimestamp" in replicaset["metadata"]:
            return None
        pods = self._active(replicaset)
        missing = replicaset["spec"]["replicas"] - len(pods)
        if missing > 0:
            for _ in range(min(missing, _BURST)):
                pods.append(self._store.create(PODS, key[0], new_pod(replicaset)))
        elif missing < 0:
            pods = self._without(pods, -missing)
        again = self._write_status(replicaset, pods)
        return 0.0 if missing > _BURST else again

    def _active(self, replicaset: Object) -> list[Object]:
        return [pod for pod in owned(self._store, PODS, replicaset) if is_active(pod)]

    def _without(self, pods: list[Object], count: int) -> list[Object]:
        """Delete `count` of `pods`; returns the others."""
        ordered = sorted(pods, key=removal_order)
        for pod in ordered[:count]:
            meta = pod["metadata"]
            self._store.delete(PODS, meta["namespace"], meta["name"])
        return ordered[count:]

    def _write_status(self, replicaset: Object, pods: list[Object]) -> Seconds | None:
        """Write the counts; returns the seconds until the next pod becomes available."""
        meta, spec = replicaset["metadata"], replicaset["spec"]
        labels = (spec["template"].get("metadata") or {}).get("labels") or {}
        minimum = spec.get("minReadySeconds") or 0
        now = self._store.clock.now()
        waits = [wait for pod in pods if (wait := available_in(pod, minimum, now)) is not None]
        status: dict[str, Any] = {
            "replicas": len(pods),
            "observedGeneration": meta["generation"],
        }
        counts = {
            "fullyLabeledReplicas": sum(
                labels.items() <= (pod["metadata"].get("labels") or {}).items() for pod in pods
            ),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": waits.count(0),
        }
        status.update({name: count for name, count in counts.items() if count})
        body = {"metadata": {"name": meta["name"]}, "status": status}
        self._store.update(REPLICASETS, meta["namespace"], meta["name"], body, "status")
        return min((wait for wait in waits if wait > 0), default=None)
