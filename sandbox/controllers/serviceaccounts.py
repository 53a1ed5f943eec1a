"""Gives every namespace its ServiceAccount `default`."""

from sandbox.apiserver.kinds.resources import NAMESPACES, SERVICEACCOUNTS, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Controller, Key, Trigger, own_key

_NAME = "default"


def serviceaccount_controller(store: Store) -> Controller:
    """The controller, ready to run."""

    def reconcile(key: Key) -> None:
        namespace = store.find(NAMESPACES, "", key[1])
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        if store.find(SERVICEACCOUNTS, key[1], _NAME) is None:
            store.create(SERVICEACCOUNTS, key[1], {"metadata": {"name": _NAME}})

    triggers = [Trigger(NAMESPACES, own_key), Trigger(SERVICEACCOUNTS, _namespace_key)]
    return Controller("serviceaccount", store, triggers, reconcile)


def _namespace_key(account: Object) -> tuple[Key, ...]:
    return (("", account["metadata"]["namespace"]),)
