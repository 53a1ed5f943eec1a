"""Judges the accepted scale writes of a soak by what was really so (docs/safety.md).

The world keeps the truth by time: loads, specs, what each metric was answered, who was asked for
what. Delays are not judged here: for those there is the fault matrix.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND, Clock, Millis, format_rfc3339, parse_rfc3339
from tests.soak.scaler.consumers import HIGH, Consumer, Object

EVALUATION: Final = 60 * SECOND
"""The longest an evaluation may take: by so much its decision may be older than its write."""
SAMPLE_AGE: Final = 120 * SECOND
"""The usual maximum age of a sample."""
MOST_PROBLEMS: Final = 20


class Answered(Struct, frozen=True):
    """What the metric of an object was answered last."""

    at: Millis
    fault: str


class Scaled(Struct, frozen=True):
    """An accepted write that changed the count of a target; `uid` is that of the autoscaler."""

    at: Millis
    uid: str
    before: int
    after: int


class Judge:
    """Hears of answers and writes; `problems` says what must not have been."""

    def __init__(self, consumers: Mapping[str, Consumer], clock: Clock) -> None:
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        self.last: dict[str, Scaled] = {}
        """The last accepted scaling by the uid of the autoscaler."""
        self._consumers = consumers
        self._clock = clock
        self._answered: dict[str, Answered] = {}

    def problem(self, text: str) -> None:
        """Something is so that must not be."""
        self.counts["problems"] += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{format_rfc3339(self._clock.now())} {text}")

    def answered(self, name: str, asked: Millis, fault: str) -> None:
        """The metric of an object was asked for then, and is answered now, well or not."""
        self.counts["bad answers" if fault else "good answers"] += 1
        before = self._answered.get(name)
        # Who waited longer than the caller did is no answer to what the caller asked since.
        if before is None or before.at <= asked:
            self._answered[name] = Answered(asked, fault)

    def scaled(self, name: str, uid: str, before: int, after: int) -> None:
        """A scaler's write was accepted."""
        write = Scaled(self._clock.now(), uid, before, after)
        self.counts["grown" if after > before else "shrunk"] += 1
        specs = list(self._consumers[name].known(write.at))
        wrongs = [self._wrong(name, write, spec) for spec in specs] or ["there is no autoscaler"]
        if all(wrongs):
            self.problem(f"{name}: {before} -> {after}: {'; or '.join(sorted(set(wrongs)))}")
        self.last[uid] = write

    def _wrong(self, name: str, write: Scaled, spec: Object) -> str:
        """What is wrong with a write under one spec, "" if nothing."""
        lowest, highest = spec["minReplicas"], spec["maxReplicas"]
        if not lowest <= write.before <= highest:
            bound = lowest if write.before < lowest else highest
            return "" if write.after == bound else f"a correction would go to {bound}"
        if not lowest <= write.after <= highest:
            return f"the bounds are {lowest} and {highest}"
        up = write.after > write.before
        factor = spec["scaleUpLimitFactor" if up else "scaleDownLimitFactor"]
        step = max(1, factor * write.before // 100)
        if abs(write.after - write.before) > step:
            return f"one step is {step} at most"
        window = spec["upscaleForbiddenWindowSeconds" if up else "downscaleForbiddenWindowSeconds"]
        last = self.last.get(write.uid)
        if last is not None and write.at - last.at < window * SECOND - EVALUATION:
            return f"the last was {(write.at - last.at) / SECOND:.0f} s ago, the window is {window}"
        return "" if up else self._without_evidence(name, write)

    def _without_evidence(self, name: str, write: Scaled) -> str:
        answered = self._answered.get(name)
        if answered is None or answered.fault or write.at - answered.at > EVALUATION:
            return f"the metric was last answered {answered}"
        least = self._consumers[name].load.lowest(write.at - SAMPLE_AGE, write.at)
        # A hundredth is tolerated above the mark.
        if write.after * HIGH * 101 < least * 100:
            return f"the load was {least} or more"
        return ""

    def unsettled(self, wpa: Object, asked: int, running: int) -> str:
        """What a stored status does not say yet of its target, "" if nothing.

        `asked` is the target's `spec.replicas`, `running` what the target reports: a rollout that
        stands still reports more.
        """
        status = wpa.get("status") or {}
        said = (status.get("desiredReplicas"), status.get("currentReplicas"))
        if said != (asked, running):
            return f"the target has {asked} and runs {running}, the status says {said}"
        if status.get("observedGeneration") != wpa["metadata"]["generation"]:
            return "the status is of another generation"
        return ""

    def remembered(self, name: str, wpa: Object) -> None:
        """Does the status know the time of the last accepted scaling?"""
        last = self.last.get(wpa["metadata"]["uid"])
        if last is None or last.at > self._clock.now() - EVALUATION - 30 * SECOND:
            return
        said = (wpa.get("status") or {}).get("lastScaleTime")
        late = last.at - parse_rfc3339(said) if said else None
        if late is None or not -SECOND <= late <= EVALUATION + SECOND:
            scaled = f"{last.before} -> {last.after} at {format_rfc3339(last.at)}"
            self.problem(f"{name}: scaled {scaled}, the status says {said}")
