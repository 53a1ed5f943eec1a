"""The kubelets' stand-in: pods on nodes start, become Ready and, once deleted, go.

How long each step takes is in the pod's annotations (see `pod_script`). Each step is made once:
what somebody writes into a pod's status afterwards, a failed phase or a lost readiness, stays.
"""

from enum import IntEnum
from itertools import count

from msgspec import Struct

from kube.vocab.times import SECOND, Millis
from sandbox.apiserver.kinds.resources import PODS, Object
from sandbox.apiserver.storage.store import Store
from sandbox.controllers import pod_status
from sandbox.controllers.controller import Controller, Key, Seconds, Trigger, own_key
from sandbox.controllers.pod_script import Habits, PodScript, ScriptError, pod_script
from sandbox.controllers.pods import is_done, is_terminating


class _Stage(IntEnum):
    ACCEPTED = 1
    RUNNING = 2
    READY = 3


class _Life(Struct):
    """What the kubelet remembers of a pod; instants of the clock."""

    uid: str
    script: PodScript
    began: Millis
    stage: _Stage = _Stage.ACCEPTED
    ends: Millis | None = None


def kubelet(store: Store, habits: Habits) -> Controller:
    """The controller, ready to run; one stands for the kubelets of all nodes."""
    return Controller("kubelet", store, [Trigger(PODS, own_key)], _Kubelet(store, habits).reconcile)


class _Kubelet:
    def __init__(self, store: Store, habits: Habits) -> None:
        self._store = store
        self._habits = habits
        self._lives: dict[Key, _Life] = {}
        self._addresses = count(1)

    def reconcile(self, key: Key) -> Seconds | None:
        pod = self._store.find(PODS, *key)
        if pod is None:
            self._lives.pop(key, None)
            return None
        if not pod["spec"].get("nodeName"):
            return None
        try:
            life = self._life(key, pod)
        except ScriptError as error:
            self._write(key, pod_status.refused(pod, str(error)))
            if is_terminating(pod):
                self._remove(key)
            return None
        if is_terminating(pod):
            return self._terminate(key, pod, life)
        return None if is_done(pod) else self._advance(key, life)

    def _life(self, key: Key, pod: Object) -> _Life:
        life = self._lives.get(key)
        if life is None or life.uid != pod["metadata"]["uid"]:
            script = pod_script(pod, self._habits)
            life = _Life(pod["metadata"]["uid"], script, self._store.clock.now())
            self._lives[key] = life
            if not is_done(pod):
                address = self._next_address()
                status = pod_status.accepted(pod, life.began, address, start_time=script.start_time)
                self._write(key, status)
        return life

    def _advance(self, key: Key, life: _Life) -> Seconds | None:
        now = self._store.clock.now()
        steps = (
            (_Stage.RUNNING, life.script.start_after, pod_status.running),
            (_Stage.READY, life.script.ready_after, pod_status.ready),
        )
        for stage, after, status_at in steps:
            if life.stage >= stage:
                continue
            if after is None:
                return None
            if now < life.began + after:
                return (life.began + after - now) / SECOND
            life.stage = stage
            self._write(key, status_at(self._store.get(PODS, *key), now))
        return None

    def _terminate(self, key: Key, pod: Object, life: _Life) -> Seconds | None:
        grace = (pod["metadata"].get("deletionGracePeriodSeconds") or 0) * SECOND
        if not grace:
            return None  # held by finalizers alone
        now = self._store.clock.now()
        stop = grace if life.script.stop_after is None else min(life.script.stop_after, grace)
        life.ends = now + stop if life.ends is None else min(life.ends, now + grace)
        if now < life.ends:
            return (life.ends - now) / SECOND
        self._remove(key)
        return None

    def _remove(self, key: Key) -> None:
        self._store.delete(PODS, *key, grace_seconds=0)

    def _write(self, key: Key, status: Object) -> None:
        body = {"metadata": {"name": key[1]}, "status": status}
        self._store.update(PODS, *key, body, "status")

    def _next_address(self) -> str:
        number = next(self._addresses)
        return f"10.{244 + number // 65536 % 8}.{number // 256 % 256}.{number % 256}"
