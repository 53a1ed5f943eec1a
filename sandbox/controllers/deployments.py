"""Deployments: one ReplicaSet per pod template, and rollouts that move pods from old to new."""

from sandbox.apiserver.kinds.resources import DEPLOYMENTS, PODS, REPLICASETS, Object, Resource
from sandbox.apiserver.storage.stamping import copied
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Controller, Key, Trigger, own_key
from sandbox.controllers.deployment_status import deployment_status
from sandbox.controllers.owners import controller_key, owned, owner_reference
from sandbox.controllers.pods import is_active
from sandbox.controllers.revisions import (
    REVISION,
    TEMPLATE_HASH,
    next_revision,
    revision_of,
    template_hash,
)
from sandbox.controllers.rollout import Sizes, limits_of, next_sizes, paused_sizes


def deployment_controller(store: Store) -> Controller:
    """The controller, ready to run."""
    deployment_key = controller_key(DEPLOYMENTS.kind)
    replicaset_key = controller_key(REPLICASETS.kind)

    def key_of_ended(pod: Object) -> tuple[Key, ...]:
        """Recreate waits for pods that its ReplicaSets no longer count."""
        if is_active(pod):
            return ()
        above = [store.find(REPLICASETS, *key) for key in replicaset_key(pod)]
        return tuple(key for item in above if item for key in deployment_key(item))

    triggers = [
        Trigger(DEPLOYMENTS, own_key),
        Trigger(REPLICASETS, deployment_key),
        Trigger(PODS, key_of_ended),
    ]
    return Controller("deployment", store, triggers, _Deployments(store).reconcile)


class _Deployments:
    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, key: Key) -> None:
        deployment = self._store.find(DEPLOYMENTS, *key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return
        if not deployment["spec"].get("paused"):
            self._ensure_new(deployment)
        new, old = self._replicasets(deployment)
        for name, size in self._sizes(deployment, new, old).items():
            self._resize(key[0], name, size)
        self._forget_old(deployment, old)
        self._write_status(key)

    def _replicasets(self, deployment: Object) -> tuple[Object | None, list[Object]]:
        """The ReplicaSet of the present template, if there is one, and the others by age."""
        wanted = template_hash(deployment)
        new, old = None, []
        for item in owned(self._store, REPLICASETS, deployment):
            if (item["metadata"].get("labels") or {}).get(TEMPLATE_HASH) == wanted:
                new = item
            else:
                old.append(item)
        return new, sorted(old, key=revision_of)

    def _ensure_new(self, deployment: Object) -> None:
        """Make the ReplicaSet of the present template, or give it the newest revision again."""
        new, old = self._replicasets(deployment)
        namespace = deployment["metadata"]["namespace"]
        if new is None:
            revision = next_revision(old)
            self._store.create(REPLICASETS, namespace, _new_replicaset(deployment, revision))
        else:
            revision = max(next_revision(old), revision_of(new))
            if revision != revision_of(new):
                self._annotate(REPLICASETS, new, revision)
        if revision != revision_of(deployment):
            self._annotate(DEPLOYMENTS, deployment, revision)

    def _annotate(self, resource: Resource, obj: Object, revision: int) -> None:
        changed = copied(obj)
        changed["metadata"].setdefault("annotations", {})[REVISION] = str(revision)
        meta = changed["metadata"]
        self._store.update(resource, meta["namespace"], meta["name"], changed)

    def _sizes(self, deployment: Object, new: Object | None, old: list[Object]) -> dict[str, int]:
        spec = deployment["spec"]
        replicas: int = spec["replicas"]
        recreates = (spec.get("strategy") or {}).get("type") == "Recreate"
        if new is None or spec.get("paused"):
            # No rollout moves on while paused; a change of the count still reaches the pods.
            active = [item for item in (new, *old) if item is not None and _wanted(item)]
            if len(active) > 1:
                surge = 0 if recreates else limits_of(spec.get("strategy") or {}, replicas).surge
                return paused_sizes(replicas, surge, [_size(item) for item in active])
            latest = active[0] if active else new
            return {} if latest is None else {latest["metadata"]["name"]: replicas}
        name = new["metadata"]["name"]
        if recreates:
            down = {item["metadata"]["name"]: 0 for item in old}
            gone = not any(owned(self._store, PODS, item) for item in old)
            return {**down, name: replicas if gone else _wanted(new)}
        limits = limits_of(spec.get("strategy") or {}, replicas)
        return next_sizes(replicas, limits, _size(new), [_size(item) for item in old])

    def _resize(self, namespace: str, name: str, size: int) -> None:
        replicaset = self._store.get(REPLICASETS, namespace, name)
        if _wanted(replicaset) != size:
            replicaset["spec"]["replicas"] = size
            self._store.update(REPLICASETS, namespace, name, replicaset)

    def _forget_old(self, deployment: Object, old: list[Object]) -> None:
        kept = deployment["spec"].get("revisionHistoryLimit", 10)
        idle = [item for item in old if not _wanted(item) and not _counted(item, "replicas")]
        for item in idle[: max(0, len(idle) - kept)]:
            meta = item["metadata"]
            if self._store.find(REPLICASETS, meta["namespace"], meta["name"]) is not None:
                self._store.delete(REPLICASETS, meta["namespace"], meta["name"])

    def _write_status(self, key: Key) -> None:
        deployment = self._store.get(DEPLOYMENTS, *key)
        new, old = self._replicasets(deployment)
        status = deployment_status(deployment, new, old, self._store.clock.now())
        body = {"metadata": {"name": key[1]}, "status": status}
        self._store.update(DEPLOYMENTS, *key, body, "status")


def _new_replicaset(deployment: Object, revision: int) -> Object:
    spec = copied(deployment["spec"])
    label = template_hash(deployment)
    template = spec["template"]
    meta = template.setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), TEMPLATE_HASH: label}
    selector = spec["selector"]
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), TEMPLATE_HASH: label}
    result: Object = {
        "metadata": {
            "name": f"{deployment['metadata']['name']}-{label}",
            "labels": dict(meta["labels"]),
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        result["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return result


def _wanted(replicaset: Object) -> int:
    return int(replicaset["spec"]["replicas"])


def _counted(replicaset: Object, field: str) -> int:
    return int((replicaset.get("status") or {}).get(field) or 0)


def _size(replicaset: Object) -> Sizes:
    name = replicaset["metadata"]["name"]
    return Sizes(name, _wanted(replicaset), _counted(replicaset, "availableReplicas"))
