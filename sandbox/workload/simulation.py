"""The workload as it stands: queues and CPU time, moved forward by a caller who owns the time."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from sandbox.workload.nsq import SECOND, Handled, Nsq
from sandbox.workload.script import ConsumerSpec, Moment, Script

STEP_MS: Final = 100
"""Longest single step; well below any sensible pick-up time."""

IDLE_CORES: Final = 0.02
"""What a consumer pod burns without a message to handle."""


class PodCpu(Struct, kw_only=True):
    """CPU time of one consumer pod since it was first seen Ready, in seconds."""

    consumer: ConsumerSpec
    pod: str
    seconds: float = 0.0


class Simulation:
    """Queues and pods over time. `ready` is replaced from outside when pods come and go."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.nsq = Nsq(script.nsqd, script.nsq_topics(), script.groups(), script.pickup_millis)
        self.script_ms = 0
        self._cpu: dict[tuple[str, str], PodCpu] = {}

    @property
    def moment(self) -> Moment:
        """Phase of the script and its time left."""
        return self.script.at(self.script_ms)

    @property
    def pods(self) -> list[PodCpu]:
        """The Ready consumer pods with their CPU time."""
        return list(self._cpu.values())

    def restart_script(self) -> None:
        """Go back to the first phase; queues and counters stay as they are."""
        self.script_ms = 0

    def set_ready(self, ready: Mapping[str, frozenset[str]]) -> None:
        """Take over the names of the Ready pods of each consumer group (`namespace/deployment`).

        A pod that left takes its counter along, as in a kubelet.
        """
        before = self._cpu
        self._cpu = {}
        for consumer in self.script.consumers:
            for pod in sorted(ready.get(consumer.key, ())):
                key = (consumer.key, pod)
                self._cpu[key] = before.get(key) or PodCpu(consumer=consumer, pod=pod)

    def advance(self, millis: int) -> None:
        """Let time pass, in steps that end at the borders of phases."""
        counts: dict[str, int] = {}
        for key, _ in self._cpu:
            counts[key] = counts.get(key, 0) + 1
        while millis > 0:
            moment = self.moment
            step = min(millis, STEP_MS, moment.left_ms)
            handled = self.nsq.advance(step, moment.phase.rates, counts)
            self._burn(step, handled)
            self.script_ms += step
            millis -= step

    def _burn(self, step_ms: int, handled: Mapping[str, Handled]) -> None:
        for cpu in self._cpu.values():
            done = handled[cpu.consumer.key]
            busy = done.messages / done.capacity if done.capacity else 0.0
            cores = IDLE_CORES + busy * (cpu.consumer.cpu_request - IDLE_CORES)
            cpu.seconds += cores * step_ms / SECOND
