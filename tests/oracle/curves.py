"""A small world to run scenarios in: a target, its pods and stepped series, evaluated every 15 s.

A scenario says when `spec.replicas` has to change. Its conventions: evaluations at 0, 15, 30 … s;
series are steps `[time, value]` where null is no sample; the first pods have been Ready for hours,
a later one is Running and Ready at given seconds after its creation; `status.replicas` follows at
once; a downscale removes pods that are not Ready first; the last scaling was an hour ago.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import msgspec

from kube.vocab.objects import OwnerReference
from kube.vocab.times import SECOND, format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Memory, Observed, Reading, Sample, Scale, reading_of
from scaler.core.pods import Pod, Target, count_pods
from scaler.core.spec import Spec, read_spec
from scaler.core.status import memory_after, status_after
from scaler.core.trace import Decision
from scaler.core.wire import Autoscaler, AutoscalerStatus
from tests.oracle.worlds import NOW

Steps = Sequence[tuple[int, int | str | None]]

HOUR = 3600
PERIOD = 15
TARGET = Target("uid-target", "target")
OURS = (OwnerReference("apps/v1", "ReplicaSet", "target-1", "uid-rs"),)
OTHERS = (OwnerReference("apps/v1", "ReplicaSet", "other-1", "uid-other-rs"),)
LINKS = {
    "uid-rs": (OwnerReference("apps/v1", "Deployment", "target", "uid-target"),),
    "uid-other-rs": (OwnerReference("apps/v1", "Deployment", "other", "uid-other"),),
}


@dataclass
class Scenario:
    """A scenario block, read; `scaled_by_hand` are changes from outside as `[time, replicas]`."""

    autoscaler: Mapping[str, Any]
    series: Mapping[str, Steps]
    initial: int
    until: int
    start_after: int = 5
    ready_after: int = 40
    foreign: int = 0
    override: Mapping[str, Any] = field(default_factory=dict)
    scaled_by_hand: list[tuple[int, int]] = field(default_factory=list)

    def spec(self) -> Spec:
        """The specification with the scenario's own changes."""
        document = dict(self.autoscaler)
        document["spec"] = {**document["spec"], **self.override}
        return read_spec(msgspec.convert(document, Autoscaler))


@dataclass
class Run:
    """What came of a scenario: changes of the count, and every decision with its status."""

    changes: list[tuple[int, int]] = field(default_factory=list)
    decisions: dict[int, Decision] = field(default_factory=dict)
    statuses: dict[int, AutoscalerStatus] = field(default_factory=dict)


def run(scenario: Scenario) -> Run:
    """Evaluate `scenario` from its start to its end."""
    spec, found = scenario.spec(), Run()
    births = [-5 * HOUR] * scenario.initial
    memory = Memory(last_scale=_at(-HOUR))
    status = AutoscalerStatus(last_scale_time=format_rfc3339(_at(-HOUR)))
    by_hand = dict(scenario.scaled_by_hand)
    for now in range(scenario.until + 1):
        if now in by_hand:
            births = _resized(births, by_hand[now], now, scenario)
            found.changes.append((now, by_hand[now]))
        if now % PERIOD:
            continue
        decision = decide(spec, _look(scenario, spec, births, memory, now), _at(now))
        applied = Applied("dry_run" if spec.dry_run else "scaled" if decision.scales else "none")
        memory = memory_after(decision, applied)
        status = status_after(spec, decision, applied, status)
        found.decisions[now], found.statuses[now] = decision, status
        if applied.kind == "scaled":
            births = _resized(births, decision.desired, now, scenario)
            found.changes.append((now, decision.desired))
    return found


def _at(second: int) -> int:
    return NOW + second * SECOND


def _look(scenario: Scenario, spec: Spec, births: list[int], memory: Memory, now: int) -> Observed:
    pods = [_pod(scenario, f"target-{i}", birth, now) for i, birth in enumerate(births)]
    pods += [Pod(f"other-{number}", OTHERS, "Running") for number in range(scenario.foreign)]
    census = count_pods(
        pods,
        TARGET,
        LINKS,
        now=_at(now),
        readiness_delay=spec.readiness_delay,
        status_replicas=len(births),
    )
    return Observed(
        scale=Scale(len(births), len(births), "app=target"),
        pods=census.counts,
        readings=tuple(_reading(scenario.series[metric.name], now) for metric in spec.metrics),
        memory=memory,
    )


def _pod(scenario: Scenario, name: str, birth: int, now: int) -> Pod:
    age = now - birth
    running = age >= scenario.start_after
    return Pod(
        name=name,
        owners=OURS,
        phase="Running" if running else "Pending",
        ready=age >= scenario.ready_after,
        started=_at(birth + scenario.start_after) if running else None,
    )


def _reading(steps: Steps, now: int) -> Reading:
    value = [value for start, value in steps if start <= now][-1]
    if value is None:
        return reading_of([], _at(now), 120 * SECOND)
    milli = Fraction(str(value)) * 1000
    return reading_of([Sample(int(milli), _at(now))], _at(now), 120 * SECOND)


def _resized(births: list[int], count: int, now: int, scenario: Scenario) -> list[int]:
    """The pods after the target's controller has followed: not Ready ones go first."""
    ready_first = sorted(births, key=lambda birth: now - birth < scenario.ready_after)
    return ready_first[:count] + [now] * (count - len(births))
