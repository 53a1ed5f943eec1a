"""The objects of the cluster, in memory, with Kubernetes' rules for versions, deletion and owners.

Synchronous: nothing here waits, so every call is atomic within the event loop. Objects that come
out of `get` and `list` are copies; those in events and from `view` are shared and read-only.

In-process controllers use it directly::

    deployment = store.get(DEPLOYMENTS, "shop", "web")
    deployment["status"] = {"replicas": 3}
    store.update(DEPLOYMENTS, "shop", "web", deployment, "status")
    async for event in store.watch(PODS):   # first what exists, then what happens
        ...
"""

import random
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from kube.vocab.selectors import Selector
from kube.vocab.times import Clock
from sandbox.apiserver.kinds.resources import NAMESPACES, Object, Resource
from sandbox.apiserver.kinds.shapes import check_shape
from sandbox.apiserver.storage.deletion import (
    Disposal,
    contains_others,
    dispose,
    is_released,
)
from sandbox.apiserver.storage.errors import AlreadyExists, Forbidden, Gone, InternalError, NotFound
from sandbox.apiserver.storage.fields import FieldSelector
from sandbox.apiserver.storage.history import Event, Watch
from sandbox.apiserver.storage.ledger import Ledger
from sandbox.apiserver.storage.preconditions import check_preconditions
from sandbox.apiserver.storage.removal import Removal
from sandbox.apiserver.storage.selection import selection
from sandbox.apiserver.storage.stamping import (
    copied,
    given_name,
    incoming,
    new_uid,
    same_content,
    stamp_created,
    stamp_updated,
)
from sandbox.apiserver.storage.strategies import prepare

_HISTORY: Final = 4096
_FIRST_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


class Deleted(Struct, frozen=True):
    """The outcome of a delete: the object as it was left, and whether it is gone already."""

    object: Object
    removed: bool


class Store:
    """All objects of a cluster. Starts with the namespaces that every cluster has."""

    def __init__(self, clock: Clock, *, seed: int | None = None, history: int = _HISTORY) -> None:
        self.clock = clock
        self.compactions = 0
        self._random = random.Random(seed)
        self._ledger = Ledger(history)
        self._removal = Removal(self._ledger, self.delete)
        for name in _FIRST_NAMESPACES:
            self.create(NAMESPACES, "", {"metadata": {"name": name}})

    @property
    def version(self) -> int:
        """The newest resourceVersion."""
        return self._ledger.version

    # Reading

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """A copy of one object. Raises NotFound."""
        return copied(self._stored(resource, namespace, name))

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The stored object itself (read-only), or None."""
        return self._ledger.shelf(resource.key).get((namespace, name))

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        selector: Selector | None = None,
        field_selector: FieldSelector | None = None,
    ) -> list[Object]:
        """Copies of the matching objects by namespace and name; no namespace means all."""
        return [copied(obj) for obj in self.view(resource, namespace, selector, field_selector)]

    def view(
        self,
        resource: Resource,
        namespace: str | None = None,
        selector: Selector | None = None,
        field_selector: FieldSelector | None = None,
    ) -> Iterator[Object]:
        """As `list`, but the stored objects themselves: read them, never write them."""
        matches = selection(namespace, selector, field_selector)
        shelf = self._ledger.shelf(resource.key)
        for place in sorted(shelf):
            if matches(shelf[place]):
                yield shelf[place]

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        since: int | None = None,
        selector: Selector | None = None,
        field_selector: FieldSelector | None = None,
    ) -> Watch:
        """Follow changes after version `since`; without it, what exists comes first as ADDED.

        Raises Gone when the history no longer reaches back to `since`.
        """
        matches = selection(namespace, selector, field_selector)
        history = self._ledger.history(resource.key)
        if since is None:
            backlog = [
                Event(int(obj["metadata"]["resourceVersion"]), "ADDED", obj)
                for obj in self.view(resource, namespace, selector, field_selector)
            ]
        else:
            backlog = history.since(since)
        return history.follow(backlog, matches)

    def changed_since(self, resource: Resource, version: int) -> bool:
        """Whether the resource has changed after `version`, as far as is known."""
        try:
            return bool(self._ledger.history(resource.key).since(version))
        except Gone:
            return True

    def compact(self) -> None:
        """Forget all history: watches from an older version get Gone, open ones go on."""
        self.compactions += 1
        for history in self._ledger.histories():
            history.compact()

    # Writing

    def create(
        self, resource: Resource, namespace: str, obj: Object, *, dry_run: bool = False
    ) -> Object:
        """Store a new object and return a copy of what was stored.

        Raises AlreadyExists, InternalError (it has a version already), Invalid, NotFound (no such
        namespace) or Forbidden (the namespace is going away).
        """
        new = incoming(resource, obj)
        check_shape(resource, new)
        meta = new.setdefault("metadata", {})
        if meta.pop("resourceVersion", ""):
            raise InternalError("resourceVersion should not be set on objects to be created")
        name = meta["name"] = given_name(resource, meta, self._random)
        if resource.namespaced:
            self._check_namespace(resource, namespace, name)
            meta["namespace"] = namespace
        stamp_created(resource, new, new_uid(self._random), self.clock.now())
        prepare(resource, new, None, self.clock.now())
        if self.find(resource, namespace, name) is not None:
            raise AlreadyExists.of(resource, name)
        if not dry_run:
            self._ledger.put(resource, (namespace, name), new)
        return copied(new)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: Object,
        subresource: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Object:
        """Replace the object, or its status with `subresource="status"`; return what is stored.

        A resourceVersion in `obj` makes it conditional. A write that changes nothing makes no new
        version. Raises NotFound, Conflict or Invalid.
        """
        old = self._stored(resource, namespace, name)
        new = incoming(resource, obj)
        check_shape(resource, new)
        meta = new.get("metadata", {})
        check_preconditions(resource, old, meta.get("resourceVersion"), meta.get("uid"))
        result = stamp_updated(resource, old, new, subresource)
        prepare(resource, result, old, self.clock.now())
        if same_content(old, result):
            return copied(old)
        if not dry_run:
            self._ledger.put(resource, (namespace, name), result)
            if is_released(resource, result):
                self._removal.remove(resource, (namespace, name))
        return copied(result)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        grace_seconds: int | None = None,
        orphan: bool = False,
        version: str | None = None,
        uid: str | None = None,
        dry_run: bool = False,
    ) -> Deleted:
        """Delete the object, or mark it when finalizers or a pod's grace period hold it.

        What it owns goes with it, unless `orphan`. Raises NotFound or Conflict.
        """
        old = self._stored(resource, namespace, name)
        check_preconditions(resource, old, version, uid)
        disposal, marked = dispose(resource, old, grace_seconds, self.clock.now())
        if dry_run or disposal is Disposal.PENDING:
            return Deleted(copied(marked), disposal is Disposal.REMOVE)
        if disposal is Disposal.MARK:
            self._ledger.put(resource, (namespace, name), marked)
            if contains_others(resource):
                self._removal.empty(resource, marked)
            gone = self.find(resource, namespace, name) is None
            return Deleted(copied(marked), removed=gone)
        self._removal.remove(resource, (namespace, name), orphan=orphan)
        return Deleted(copied(old), removed=True)

    # Rules

    def _stored(self, resource: Resource, namespace: str, name: str) -> Object:
        found = self.find(resource, namespace, name)
        if found is None:
            raise NotFound.of(resource, name)
        return found

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        found = self._stored(NAMESPACES, "", namespace)
        if "deletionTimestamp" in found["metadata"]:
            raise Forbidden(
                f'{resource.full_name} "{name}" is forbidden: unable to create new content in '
                f"namespace {namespace} because it is being terminated"
            )
