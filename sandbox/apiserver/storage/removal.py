"""What goes with an object that goes: what it owned, and the container that waited for it."""

from collections.abc import Callable

from sandbox.apiserver.kinds.resources import DEFINITIONS, NAMESPACES, Object, Resource
from sandbox.apiserver.storage.deletion import owner_references, without_owner
from sandbox.apiserver.storage.ledger import Entry, Ledger, Place
from sandbox.apiserver.storage.stamping import copied


class Removal:
    """Takes objects out of the ledger; `delete` is the store's own, for what hangs on them."""

    def __init__(self, ledger: Ledger, delete: Callable[..., object]) -> None:
        self._ledger = ledger
        self._delete = delete

    def remove(self, resource: Resource, place: Place, *, orphan: bool = False) -> None:
        """Remove one object for good, and what belongs to nobody any more without it."""
        last = copied(self._ledger.shelf(resource.key)[place])
        self._ledger.remove(resource, place, last)
        self._release_dependents(last["metadata"]["uid"], orphan=orphan)
        if place[0]:
            self._finish(NAMESPACES, place[0])
        if resource.custom:
            self._finish(DEFINITIONS, resource.full_name)

    def empty(self, resource: Resource, container: Object) -> None:
        """Delete what a namespace or definition contains; the container goes with the last of it.

        Pods do not get their grace period here: nobody would wait for it.
        """
        for entry in self._contents(resource, container):
            if self._find(entry) is not None:
                self._delete(entry.resource, *entry.place, grace_seconds=0)
        self._finish(resource, container["metadata"]["name"])

    def _find(self, entry: Entry) -> Object | None:
        return self._ledger.shelf(entry.resource.key).get(entry.place)

    def _release_dependents(self, uid: str, *, orphan: bool) -> None:
        for entry in self._ledger.dependents(uid):
            dependent = self._find(entry)
            if dependent is None:
                continue
            owners = [ref.get("uid", "") for ref in owner_references(dependent)]
            if orphan or any(self._ledger.is_alive(owner) for owner in owners):
                self._ledger.put(entry.resource, entry.place, without_owner(dependent, uid))
            else:
                self._delete(entry.resource, *entry.place)

    def _contents(self, resource: Resource, container: Object) -> list[Entry]:
        if resource.key == NAMESPACES.key:
            return self._ledger.in_namespace(container["metadata"]["name"])
        spec = container["spec"]
        return self._ledger.of_key((spec["group"], spec["names"]["plural"]))

    def _finish(self, resource: Resource, name: str) -> None:
        container = self._ledger.shelf(resource.key).get(("", name))
        if container is None or "deletionTimestamp" not in container["metadata"]:
            return
        if not container["metadata"].get("finalizers") and not self._contents(resource, container):
            self.remove(resource, ("", name))
