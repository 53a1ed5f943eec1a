"""The scheduler's stand-in: pods go to the emptiest node that has room for one more.

A node has room as long as it runs fewer pods than `status.allocatable.pods`; requests are not
looked at.
"""

from collections import Counter

from sandbox.apiserver.kinds.conditions import holds, with_condition
from sandbox.apiserver.kinds.resources import NODES, PODS, Object
from sandbox.apiserver.storage.stamping import copied
from sandbox.apiserver.storage.store import Store
from sandbox.controllers.controller import Controller, Key, Trigger
from sandbox.controllers.pods import is_active, is_done, is_terminating

_EVERYTHING: tuple[Key, ...] = (("", ""),)


def scheduler(store: Store) -> Controller:
    """The controller, ready to run."""
    triggers = [Trigger(NODES, lambda _node: _EVERYTHING), Trigger(PODS, _if_it_matters)]
    return Controller("scheduler", store, triggers, _Scheduler(store).reconcile)


def _if_it_matters(pod: Object) -> tuple[Key, ...]:
    waits = not pod["spec"].get("nodeName")
    return _EVERYTHING if waits or is_terminating(pod) or is_done(pod) else ()


class _Scheduler:
    def __init__(self, store: Store) -> None:
        self._store = store

    def reconcile(self, _key: Key) -> None:
        """Bind every waiting pod that there is room for, the oldest first."""
        taken: Counter[str] = Counter()
        waiting = []
        for pod in self._store.view(PODS):
            if pod["spec"].get("nodeName"):
                taken[pod["spec"]["nodeName"]] += not is_done(pod)
            elif is_active(pod):
                waiting.append(pod)
        nodes = list(self._store.view(NODES))
        room = {_name(node): _capacity(node) - taken[_name(node)] for node in nodes}
        for pod in sorted(waiting, key=_age):
            best = max(room, key=lambda name: room[name], default=None)
            if best is None or room[best] <= 0:
                self._leave_waiting(pod, nodes)
            else:
                room[best] -= 1
                self._bind(pod, best)

    def _bind(self, pod: Object, node: str) -> None:
        bound = copied(pod)
        bound["spec"]["nodeName"] = node
        meta = pod["metadata"]
        self._store.update(PODS, meta["namespace"], meta["name"], bound)
        self._write_condition(pod, True, "", "")

    def _leave_waiting(self, pod: Object, nodes: list[Object]) -> None:
        full = sum(holds(node, "Ready") and not _is_cordoned(node) for node in nodes)
        parts = {"Too many pods": full, "node(s) were unschedulable": len(nodes) - full}
        why = ", ".join(f"{count} {text}" for text, count in parts.items() if count)
        message = f"0/{len(nodes)} nodes are available{': ' + why if why else ''}."
        self._write_condition(pod, False, "Unschedulable", message)

    def _write_condition(self, pod: Object, bound: bool, reason: str, message: str) -> None:
        meta = pod["metadata"]
        changed = self._store.get(PODS, meta["namespace"], meta["name"])
        status = changed.setdefault("status", {})
        now = self._store.clock.now()
        status["conditions"] = with_condition(
            status.get("conditions"), "PodScheduled", bound, reason, message, now
        )
        self._store.update(PODS, meta["namespace"], meta["name"], changed, "status")


def _age(pod: Object) -> tuple[str, int]:
    meta = pod["metadata"]
    return meta["creationTimestamp"], int(meta["resourceVersion"])


def _name(node: Object) -> str:
    return str(node["metadata"]["name"])


def _is_cordoned(node: Object) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable"))


def _capacity(node: Object) -> int:
    if _is_cordoned(node) or not holds(node, "Ready"):
        return 0
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return int(allocatable.get("pods") or 0)
