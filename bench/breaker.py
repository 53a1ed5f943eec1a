"""All metrics of 5,000 autoscalers die and come back: `python -m bench.breaker` prints JSON.

Pure decisions in virtual time, each object every 15 s in its turn, with the fleet breaker and
without. One object in twenty has a recommender that lives on and asks for less from the outage on;
when the metrics come back after ten minutes all of them ask for less too. What the breaker costs is
timed in this process's own CPU seconds.
"""

import json
import platform
import sys
import time
from collections import deque
from random import Random
from typing import Any, Final

from msgspec import Struct, structs

from kube.vocab.times import SECOND, Millis
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.fleet import CALM, FleetBreaker
from scaler.core.fleet_recall import recall
from scaler.core.limits import least_step
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import Spec
from scaler.core.status import memory_after, status_after
from scaler.core.wire import AutoscalerStatus, TargetReference

OBJECTS: Final = 5_000
NAMES: Final = 20
PERIOD: Final = 15 * SECOND
MINUTE: Final = 60 * SECOND
NOW: Final = 1_800_000_000_000
KILLED: Final = NOW + 2 * MINUTE
BACK: Final = KILLED + 10 * MINUTE
END: Final = BACK + 20 * MINUTE
PERCENT: Final = 10


class One(Struct):
    """An autoscaler and its target."""

    uid: str
    spec: Spec
    replicas: int
    memory: Memory = Memory()


class Removed(Struct, frozen=True):
    """Replicas that a target lost."""

    at: Millis
    count: int


def fleet() -> list[One]:
    """Nineteen in twenty on one of twenty metrics, the others on a recommender; 1 to 50 pods."""
    chance = Random(0)
    return [_one(chance, number) for number in range(OBJECTS)]


def _one(chance: Random, number: int) -> One:
    name = f"consumer-{number}"
    spec = Spec(
        namespace="shop",
        name=name,
        target=TargetReference("Deployment", name, "apps/v1"),
        max_replicas=50,
        metrics=(Metric("External", f"queue_depth_{number % NAMES}", 1_000_000, 300_000),),
        average=True,
    )
    if number % 20 == 0:
        advisor = Recommender("https://advisor.example/", "recommender{targetType:cpu}")
        spec = structs.replace(spec, metrics=(), recommender=advisor)
    return One(f"uid-{number}", spec, chance.randint(1, 50))


def look(one: One, at: Millis) -> Observed:
    """What an evaluation sees of it."""
    count = one.replicas
    low, dead = at >= KILLED, KILLED <= at < BACK
    wish = max(1, count // 2) if low else count
    if one.spec.recommender is not None:
        reading = Reading("ok", 0, 1, at, advice=Advice(wish, wish, wish))
    elif dead:
        reading = Reading("error", detail="connection refused")
    else:
        reading = Reading("ok", (150_000 if low else 600_000) * count, 1, at)
    return Observed(
        scale=Scale(count, count, "app=x"),
        pods=PodCounts(count, count, count, count),
        readings=(reading,),
        memory=one.memory,
    )


class Run:
    """One life of the fleet under a breaker with that share."""

    def __init__(self, share: int) -> None:
        self.breaker = FleetBreaker(share, PERCENT, quiet=CALM)
        self.fleet = fleet()
        self.total = sum(one.replicas for one in self.fleet)
        self.removed: list[Removed] = []
        self.states: dict[str, Millis] = {}
        self.seconds = 0.0
        self.evaluations = 0

    def live(self) -> None:
        """From the start to the end."""
        for turn in range(NOW, END, PERIOD):
            for index, one in enumerate(self.fleet):
                self._evaluate(one, turn + index * PERIOD // OBJECTS)

    def _evaluate(self, one: One, at: Millis) -> None:
        observed = look(one, at)
        states = [reading.state for reading in observed.readings]
        begun = time.process_time()
        signals = one.spec.signals
        self.breaker.hear(one.uid, one.spec.name, signals, states, one.replicas, at)
        allowed = self.breaker.allows(least_step(one.spec, one.replicas), at)
        self.seconds += time.process_time() - begun
        self.evaluations += 1
        for change in self.breaker.turns():
            self.states.setdefault(change.to, at)
        decision = decide(one.spec, structs.replace(observed, fleet=allowed), at)
        if decision.rule == "fleet_thaw":
            self.breaker.held_back(at + decision.scales * one.spec.down_window * SECOND)
        gone = decision.current - decision.desired
        if gone > 0:
            promise = self.breaker.promise(gone)
            if promise is not None:
                promise.settle(at, gone=True)
            self.removed.append(Removed(at, gone))
        one.memory = memory_after(decision, Applied("scaled" if decision.scales else "none"))
        one.replicas = decision.desired

    def figures(self) -> dict[str, Any]:
        """What came of it."""
        outage = [one for one in self.removed if KILLED <= one.at < BACK]
        opened = self.states.get("open", END)
        found: dict[str, Any] = {
            "downscales_in_the_outage": len(outage),
            "downscales_while_open": sum(one.at >= opened for one in outage),
            "most_replicas_gone_in_a_minute_percent": self._worst(BACK, END),
            "replicas_gone_in_the_end_percent": _percent(
                sum(one.count for one in self.removed), self.total
            ),
        }
        for state in self.states:
            since = KILLED if state == "open" else BACK
            found[f"{state}_after_seconds"] = round((self.states[state] - since) / SECOND, 1)
        return found

    def _worst(self, start: Millis, end: Millis) -> float:
        window: deque[Removed] = deque()
        held = worst = 0
        for one in self.removed:
            if start <= one.at < end:
                window.append(one)
                held += one.count
                while window[0].at <= one.at - MINUTE:
                    held -= window.popleft().count
                worst = max(worst, held)
        return _percent(worst, self.total)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


def recall_seconds() -> float:
    """CPU seconds in which a new leader learns of the whole fleet."""
    found = []
    for one in fleet():
        status = AutoscalerStatus()
        for at in (NOW, KILLED):
            decision = decide(one.spec, look(one, at), at)
            status = status_after(one.spec, decision, Applied(), status)
        found.append((one, status))
    breaker = FleetBreaker(50, PERCENT)
    begun = time.process_time()
    breaker.recall([recall(one.uid, one.spec, status, KILLED) for one, status in found], 0)
    return time.process_time() - begun


def main() -> int:
    """Print the figures; the exit code says whether all was as promised."""
    guarded, alone = Run(50), Run(0)
    guarded.live()
    alone.live()
    figures = guarded.figures()
    document = {
        "benchmark": "breaker",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "objects": OBJECTS,
        "replicas": guarded.total,
        "with_breaker": figures,
        "without_breaker": alone.figures(),
        "microseconds_per_evaluation": round(1e6 * guarded.seconds / guarded.evaluations, 2),
        "recall_of_all_seconds": round(recall_seconds(), 3),
    }
    json.dump(document, sys.stdout, indent=2)
    print()
    kept = figures["most_replicas_gone_in_a_minute_percent"] <= PERCENT
    return 0 if kept and figures["downscales_while_open"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
