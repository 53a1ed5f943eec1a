"""Pods that keep to a scenario's times.

The sandbox's own kubelet takes a pod up as real ones do, `status.startTime` included, before its
containers run. Scenarios count from Running, so it is told to stop there (`TEMPLATE`), and what
follows is done here.
"""

import asyncio
from typing import Any

from msgspec import Struct

from kube.vocab.times import SECOND, Millis, format_rfc3339
from sandbox.apiserver.kinds.conditions import holds
from sandbox.apiserver.kinds.resources import PODS, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers import pod_status
from sandbox.controllers.pods import is_active

PLAYED = "scenarios/played"
TEMPLATE = {"start_after": "never", "no_start_time": "true"}
"""For pod templates: the sandbox's kubelet takes the pod up and does no more."""
HOURS = 5 * 3600 * SECOND


class Habits(Struct, frozen=True):
    """Seconds from a pod's creation to Running and to Ready."""

    start_after: float
    ready_after: float
    start_time: bool = True
    transition_times: bool = True
    """Whether conditions tell when they changed; some virtual kubelets do not."""


class Kubelet:
    """Plays the pods whose template is marked as `PLAYED`."""

    def __init__(self, store: Store, habits: Habits) -> None:
        self.habits = habits
        self.settled = True
        """Whether pods that turn up have been Ready for hours."""
        self._store = store
        self._seen: set[str] = set()

    async def run(self) -> None:
        """Play until cancelled."""
        loop = asyncio.get_running_loop()
        async for event in self._store.watch(PODS):
            pod, uid = event.object, event.object["metadata"]["uid"]
            taken_up = bool((pod.get("status") or {}).get("podIP"))
            if not (is_played(pod) and taken_up) or uid in self._seen:
                continue
            self._seen.add(uid)
            now = self._store.clock.now()
            if self.settled:
                self._start(pod, now - HOURS)
                self._make_ready(pod, now - HOURS)
            else:
                loop.call_later(self.habits.start_after, self._start, pod)
                loop.call_later(self.habits.ready_after, self._make_ready, pod)

    def _start(self, pod: Object, at: Millis | None = None) -> None:
        at = at or self._store.clock.now()
        status = pod_status.running(self._present(pod), at)
        if self.habits.start_time:
            status["startTime"] = format_rfc3339(at)
        self._write(pod, status)

    def _make_ready(self, pod: Object, at: Millis | None = None) -> None:
        status = pod_status.ready(self._present(pod), at or self._store.clock.now())
        self._write(pod, status)

    def _present(self, pod: Object) -> Object:
        return self._store.find(PODS, *_key(pod)) or pod

    def _write(self, pod: Object, status: dict[str, Any]) -> None:
        found = self._store.find(PODS, *_key(pod))
        if found is None or found["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        if not is_active(found):
            return
        if not self.habits.transition_times:
            for condition in status["conditions"]:
                condition.pop("lastTransitionTime", None)
        body = {"metadata": {"name": pod["metadata"]["name"]}, "status": status}
        self._store.update(PODS, *_key(pod), body, "status")


def is_played(pod: Object) -> bool:
    """Whether it is one of the scenario's target."""
    return PLAYED in (pod["metadata"].get("annotations") or {})


def is_serving(pod: Object) -> bool:
    """Whether work reaches it: one of the target's, Ready and not on its way out."""
    return is_played(pod) and is_active(pod) and holds(pod, "Ready")


def _key(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
