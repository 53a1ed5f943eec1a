"""Where the objects are: shelves by resource, one growing version, the log, and who owns whom."""

from msgspec import Struct

from sandbox.apiserver.kinds.resources import Key, Object, Resource
from sandbox.apiserver.storage.deletion import owner_references
from sandbox.apiserver.storage.history import Event, EventType, History

Place = tuple[str, str]
"""Namespace (empty for cluster scope) and name."""


class Entry(Struct, frozen=True):
    """Where an object stands."""

    resource: Resource
    place: Place


class Ledger:
    """Holds objects and records changes; knows no rules. What goes in is never changed again."""

    def __init__(self, history: int) -> None:
        self.version = 1
        self._capacity = history
        self._shelves: dict[Key, dict[Place, Object]] = {}
        self._histories: dict[Key, History] = {}
        self._resources: dict[Key, Resource] = {}
        self._dependents: dict[str, set[tuple[Key, Place]]] = {}
        self._uids: set[str] = set()

    def shelf(self, key: Key) -> dict[Place, Object]:
        """The objects of one resource by place; read-only for the caller."""
        return self._shelves.setdefault(key, {})

    def history(self, key: Key) -> History:
        """The changes of one resource."""
        return self._histories.setdefault(key, History(self._capacity))

    def histories(self) -> list[History]:
        """The changes of all resources."""
        return list(self._histories.values())

    def put(self, resource: Resource, place: Place, obj: Object) -> None:
        """Store `obj` under the next version, which it gets stamped with."""
        key = resource.key
        old = self.shelf(key).get(place)
        self._stamp(obj)
        if old is not None:
            self._unlink(key, place, old)
        for owner in owner_references(obj):
            self._dependents.setdefault(owner.get("uid", ""), set()).add((key, place))
        self._uids.add(obj["metadata"]["uid"])
        self._resources[key] = resource
        self.shelf(key)[place] = obj
        self._record(key, "ADDED" if old is None else "MODIFIED", obj, old)

    def remove(self, resource: Resource, place: Place, last: Object) -> None:
        """Take the object away; `last` is how watchers see it go, stamped with the next version."""
        old = self.shelf(resource.key).pop(place)
        self._stamp(last)
        self._unlink(resource.key, place, old)
        self._uids.discard(old["metadata"]["uid"])
        self._record(resource.key, "DELETED", last, old)

    def dependents(self, uid: str) -> list[Entry]:
        """What names the object `uid` as an owner."""
        found = sorted(self._dependents.get(uid, ()))
        return [Entry(self._resources[key], place) for key, place in found]

    def is_alive(self, uid: str) -> bool:
        """Whether an object with this uid exists."""
        return uid in self._uids

    def in_namespace(self, namespace: str) -> list[Entry]:
        """Everything in a namespace."""
        return [
            Entry(self._resources[key], place)
            for key, shelf in self._shelves.items()
            for place in sorted(shelf)
            if place[0] == namespace
        ]

    def of_key(self, key: Key) -> list[Entry]:
        """Everything of one resource."""
        return [Entry(self._resources[key], place) for place in sorted(self.shelf(key))]

    def _stamp(self, obj: Object) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)

    def _record(self, key: Key, kind: EventType, obj: Object, old: Object | None) -> None:
        self.history(key).append(Event(self.version, kind, obj, old))

    def _unlink(self, key: Key, place: Place, old: Object) -> None:
        for owner in owner_references(old):
            uid = owner.get("uid", "")
            found = self._dependents.get(uid, set())
            found.discard((key, place))
            if not found:
                self._dependents.pop(uid, None)
