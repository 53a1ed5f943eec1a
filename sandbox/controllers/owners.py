"""Who controls whom: `metadata.ownerReferences`."""

from collections.abc import Callable

from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.deletion import owner_references
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Key


def owner_reference(owner: Object) -> Object:
    """The reference of something that `owner` controls."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The reference to what controls `obj`, None if nothing does."""
    return next((item for item in owner_references(obj) if item.get("controller")), None)


def owned(store: Store, resource: Resource, owner: Object) -> list[Object]:
    """The objects that `owner` controls; read them, never write them."""
    uid = owner["metadata"]["uid"]
    found = []
    for obj in store.view(resource, owner["metadata"]["namespace"]):
        reference = controller_of(obj)
        if reference is not None and reference["uid"] == uid:
            found.append(obj)
    return found


def controller_key(kind: str) -> Callable[[Object], tuple[Key, ...]]:
    """The key of an object's controller, where that is of `kind`."""

    def key(obj: Object) -> tuple[Key, ...]:
        reference = controller_of(obj)
        if reference is None or reference.get("kind") != kind:
            return ()
        return ((obj["metadata"]["namespace"], reference["name"]),)

    return key
