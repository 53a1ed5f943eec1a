"""StatefulSets: pods with numbers, made and removed in order."""

from typing import Any, Final

from sandbox.apiserver.kinds.resources import PODS, STATEFULSETS, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Controller, Key, Trigger, own_key
from sandbox.controllers.owners import controller_key, owned
from sandbox.controllers.pods import is_active, is_done, is_ready, is_terminating, new_pod, phase
from sandbox.controllers.revisions import template_hash

_REVISION: Final = "controller-revision-hash"
_POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
_INDEX: Final = "apps.kubernetes.io/pod-index"


def statefulset_controller(store: Store) -> Controller:
    """The controller, ready to run."""
    triggers = [
        Trigger(STATEFULSETS, own_key),
        Trigger(PODS, controller_key(STATEFULSETS.kind)),
    ]
    return Controller("statefulset", store, triggers, _StatefulSets(store).reconcile)


class _StatefulSets:
    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, key: Key) -> None:
        statefulset = self._store.find(STATEFULSETS, *key)
        if statefulset is None or "deletionTimestamp" in statefulset["metadata"]:
            return
        self._step(statefulset)
        body = {"metadata": {"name": key[1]}, "status": self._status(statefulset)}
        self._store.update(STATEFULSETS, *key, body, "status")

    def _pods(self, statefulset: Object) -> dict[int, Object]:
        found = {}
        for pod in owned(self._store, PODS, statefulset):
            ordinal = pod["metadata"]["name"].rpartition("-")[2]
            if ordinal.isdecimal():
                found[int(ordinal)] = pod
        return found

    def _step(self, statefulset: Object) -> None:
        """Make what is missing from the first up; then remove from the last down; then renew."""
        spec = statefulset["spec"]
        one_by_one = spec.get("podManagementPolicy") != "Parallel"
        pods = self._pods(statefulset)
        for ordinal in range(spec["replicas"]):
            pod = pods.get(ordinal)
            if pod is None:
                self._create(statefulset, ordinal)
            elif is_done(pod) and not is_terminating(pod):
                self._delete(pod)
            if one_by_one and (pod is None or not _is_well(pod)):
                return
        for ordinal in sorted((item for item in pods if item >= spec["replicas"]), reverse=True):
            if not is_terminating(pods[ordinal]):
                self._delete(pods[ordinal])
            if one_by_one:
                return
        if (spec.get("updateStrategy") or {}).get("type") != "OnDelete":
            self._renew_one(statefulset, pods)

    def _renew_one(self, statefulset: Object, pods: dict[int, Object]) -> None:
        """Delete the last pod of an old template, if all the others are well."""
        if not all(_is_well(pod) for pod in pods.values()):
            return
        for ordinal in sorted(pods, reverse=True):
            if _revision(pods[ordinal]) != _revision_of_template(statefulset):
                self._delete(pods[ordinal])
                return

    def _create(self, statefulset: Object, ordinal: int) -> None:
        meta = statefulset["metadata"]
        name = f"{meta['name']}-{ordinal}"
        labels = {
            _REVISION: _revision_of_template(statefulset),
            _POD_NAME: name,
            _INDEX: str(ordinal),
        }
        pod = new_pod(statefulset, name=name, labels=labels)
        pod["spec"]["hostname"] = name
        self._store.create(PODS, meta["namespace"], pod)

    def _delete(self, pod: Object) -> None:
        self._store.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _status(self, statefulset: Object) -> Object:
        pods = [pod for pod in self._pods(statefulset).values() if is_active(pod)]
        update = _revision_of_template(statefulset)
        updated = sum(_revision(pod) == update for pod in pods)
        before = (statefulset.get("status") or {}).get("currentRevision") or update
        current = update if updated == len(pods) else before
        ready = sum(is_ready(pod) for pod in pods)
        status: dict[str, Any] = {
            "observedGeneration": statefulset["metadata"]["generation"],
            "replicas": len(pods),
            "availableReplicas": ready,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
        }
        counts = {
            "readyReplicas": ready,
            "updatedReplicas": updated,
            "currentReplicas": sum(_revision(pod) == current for pod in pods),
        }
        status.update({name: count for name, count in counts.items() if count})
        return status


def _is_well(pod: Object) -> bool:
    return is_active(pod) and phase(pod) == "Running" and is_ready(pod)


def _revision_of_template(statefulset: Object) -> str:
    return f"{statefulset['metadata']['name']}-{template_hash(statefulset)}"


def _revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_REVISION, ""))
