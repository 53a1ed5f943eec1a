"""One autoscaler's life as the daemon leads it, beside what the rules say its life should be.

The code's side remembers through `memory_after`, and after a restart through `memory_of` the status
that was written. The other side keeps a memory of its own by the rules of `tests.oracle.rules`, so
that what one forgets the other does not.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Literal

from msgspec import structs

from kube.vocab.objects import OwnerReference
from kube.vocab.times import SECOND, Millis
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.lifecycle import Monitor
from scaler.core.observed import Fleet, Memory, Observed, PodCounts, ReadingState, Scale
from scaler.core.pods import Pod, Target, count_pods
from scaler.core.spec import Spec
from scaler.core.status import change, memory_after, memory_of, status_after
from scaler.core.trace import Decision
from scaler.core.views import View
from scaler.core.wire import AutoscalerStatus
from tests.oracle.chance import any_spec
from tests.oracle.laws import CORRECTIONS, check_decision, outcome
from tests.oracle.rules import Expected, expected
from tests.oracle.scenes import MOODS, any_age, any_mood, with_any_sources
from tests.oracle.sources import EachPod, Point, Silence, Source, Usage, reading_from
from tests.oracle.worlds import NOW

TARGET = Target("uid-target", "target")
OWNERS = (OwnerReference("apps/v1", "StatefulSet", "target", "uid-target"),)
UNWRITTEN, NOTHING = AutoscalerStatus(), Memory()
FIELDS = (
    "sources", "average", "tolerance", "up_factor", "down_factor", "up_window", "down_window",
    "up_delay", "down_delay", "modulo", "converge", "dry_run", "tolerate_zero", "min_available",
    "readiness_delay", "max_sample_age", "lifecycle",
)  # fmt: skip
BOUNDS = ((1, 60), (1, 30), (2, 20), (5, 9), (7, 7))
READY_AFTER = 10 * SECOND
"""How long a pod takes to become Ready by itself: an evaluation sees it young."""

Trouble = Literal["", "scale", "selector", "pods", "pod list", "monitor", "alert"]
"""What cannot be read, a list of pods that is empty, or a monitor that is not OK."""


@dataclass
class PodLife:
    """A pod: since when it runs, whether it is Ready, and how its usage is told.

    `silent` pods have none; `age` is that of the sample, None where it carries no time.
    """

    started: Millis
    ready: bool = False
    stuck: bool = False
    silent: bool = False
    age: Millis | None = 0


@dataclass
class Trial:
    """The target, its pods and metrics, and both memories."""

    spec: Spec
    now: Millis = NOW
    replicas: int = 1
    pods: list[PodLife] = field(default_factory=list)
    said: tuple[Source | EachPod, ...] = ()
    trouble: Trouble = ""
    fleet: Fleet | None = None
    unlisted: int = 0
    """Pods that the target reports and no list shows; negative are listed and not reported."""
    view: View = field(default_factory=View)
    write_fails: bool = False
    status: AutoscalerStatus = UNWRITTEN
    written: AutoscalerStatus = UNWRITTEN
    memory: Memory | None = None
    lease: Millis | None = None
    due_memory: Memory = NOTHING
    inactive_since: Millis | None = None
    last_evaluated: Millis | None = None
    last_scaled: Millis | None = None
    last_not_below: Millis | None = None
    met: set[str] = field(default_factory=set)

    # What happens around the scaler.

    def edit(self, chance: Random) -> None:
        """The owner writes some fields anew; the metrics have other values then."""
        drawn = with_any_sources(chance, any_spec(chance))
        fields = chance.sample(FIELDS, chance.randint(1, 8))
        if "sources" in fields:
            fields[fields.index("sources") :] = ["metrics", "recommender"]
        self.spec = structs.replace(self.spec, **{name: getattr(drawn, name) for name in fields})
        lowest, highest = chance.choice(BOUNDS)
        if chance.randint(0, 2) == 0:
            self.spec = structs.replace(self.spec, min_replicas=lowest, max_replicas=highest)
        self.sample(chance)

    def sample(self, chance: Random) -> None:
        """Every source says something else, or fails; often all of it lies in one region.

        Values that are unrelated hardly ever let a target shrink.
        """
        self.said = any_mood(chance, self.spec, self.replicas, chance.choice(MOODS))

    def fail_metric(self, index: int, state: ReadingState) -> None:
        """One source says nothing."""
        said = list(self.said)
        said[index % len(said)] = Silence(state)
        self.said = tuple(said)

    def lose_usage(self, chance: Random, count: int) -> None:
        """Some pods' usage is not told, or not told anew."""
        for pod in chance.sample(self.pods, min(count, len(self.pods))):
            pod.silent, pod.age = chance.random() < 0.5, any_age(chance, self.spec)

    def scale_by_hand(self, replicas: int) -> None:
        """Somebody writes `spec.replicas`."""
        self.replicas = replicas

    def break_pods(self, count: int) -> None:
        """The last `count` pods are not Ready and stay so."""
        for pod in self.pods[len(self.pods) - count :]:
            pod.ready, pod.stuck = False, True

    def heal_pods(self) -> None:
        """All pods are Ready and tell what they use, the new ones too."""
        for pod in self.pods:
            pod.ready, pod.stuck, pod.silent, pod.age = True, False, False, 0

    def reconcile(self) -> None:
        """The target's controller follows: not Ready pods go first, new ones start now."""
        ready_first = sorted(self.pods, key=lambda pod: not pod.ready)
        started = [PodLife(self.now) for _ in range(self.replicas - len(self.pods))]
        self.pods = ready_first[: self.replicas] + started

    def wait(self, milliseconds: int) -> None:
        """Time passes without an evaluation."""
        self.now += milliseconds
        for pod in self.pods:
            pod.ready = pod.ready or (not pod.stuck and self.now - pod.started >= READY_AFTER)

    def restart(self, *, with_lease: bool) -> None:
        """Another scaler takes over; all it has is the status that was written, and the Lease."""
        self.memory, self.status, self.view = None, self.written, View()
        self.lease = self.last_evaluated if with_lease else None
        # D15: since the transition to not active, else since the Lease, else unknown.
        seen = self.lease if self.inactive_since is None else self.inactive_since
        self.due_memory = structs.replace(self.due_memory, above_seen=seen, below_seen=seen)

    # What the scaler does.

    def evaluate(self) -> Decision:
        """Decide twice, compare, and live with the outcome."""
        if self.memory is None:
            self.memory = memory_of(self.status, self.now, self.lease)
        sources = tuple(self._source(said) for said in self.said)
        world = self._look(self.memory, sources)
        self.view = self.view.after(world)
        world = structs.replace(world, doubt=self.view.doubt)
        decision = decide(self.spec, world, self.now)
        due_world = structs.replace(world, memory=self.due_memory)
        due = expected(self.spec, due_world, sources, self.now)
        self._compare(decision, due)
        check_decision(self.spec, world, decision)
        self._check_history(decision, due)
        applied = self._apply(decision)
        self._remember(decision, due, applied)
        self.met.add(decision.rule)
        return decision

    def _look(self, memory: Memory, sources: tuple[Source, ...]) -> Observed:
        return Observed(
            scale=None if self.trouble == "scale" else self._scale(),
            selector_error="broken" if self.trouble == "selector" else "",
            pods=None if self.trouble == "pods" else self._counts(),
            readings=tuple(reading_from(self.spec, source, self.now) for source in sources),
            memory=memory,
            monitor=self._monitor(),
            fleet=self.fleet,
        )

    def _source(self, said: Source | EachPod) -> Source:
        """What is said now: usage is told of the pods that are there."""
        if not isinstance(said, EachPod):
            return said
        return Usage(
            tuple(
                None if pod.silent else Point(said.value, pod.age)
                for pod in self.pods
                if pod.ready and not self._young(pod)
            )
        )

    def _young(self, pod: PodLife) -> bool:
        return self.now - pod.started < self.spec.readiness_delay * SECOND

    def _monitor(self) -> Monitor:
        """Is looked at where lifecycle control is on."""
        error = "connection refused" if self.trouble == "monitor" else ""
        return Monitor("Alert" if self.trouble == "alert" else "OK", error)

    def _scale(self) -> Scale:
        reported = max(0, len(self.pods) + self.unlisted)
        return Scale(self.replicas, reported, "app=target")

    def _counts(self) -> PodCounts:
        """As the scaler counts, and that this is what the pods are."""
        if self.trouble == "pod list":
            return PodCounts()
        counts = count_pods(
            [
                Pod(f"target-{number}", OWNERS, "Running", ready=pod.ready, started=pod.started)
                for number, pod in enumerate(self.pods)
            ],
            TARGET,
            {},
            now=self.now,
            readiness_delay=self.spec.readiness_delay,
            status_replicas=len(self.pods),
        ).counts
        ready = [pod for pod in self.pods if pod.ready]
        young = [pod for pod in ready if self._young(pod)]
        total = len(self.pods)
        assert counts == PodCounts(total, total, len(ready), len(ready) - len(young), len(young), 0)
        return counts

    def _compare(self, decision: Decision, due: Expected) -> None:
        context = f"{self.spec}\n{self}\n{decision.steps}\n{due}"
        assert decision.desired == due.desired, context
        assert decision.memory == due.memory, context
        assert (decision.limited.reason if decision.limited else None) == due.limit, context
        assert decision.evaluated == (due.active is True), context

    def _check_history(self, decision: Decision, due: Expected) -> None:
        """What can be said from the history alone, whatever the memory is."""
        below = due.memory.below.holds
        complete = decision.evaluated and all(reading.good for reading in decision.readings)
        if complete and not below:
            self.last_not_below = self.now
        if not decision.scales or decision.rule in CORRECTIONS:
            return
        up = decision.desired > decision.current
        window = self.spec.up_window if up else self.spec.down_window
        if self.last_scaled is not None:
            assert self.now - self.last_scaled // SECOND * SECOND >= window * SECOND
        if not up:
            assert complete
            if below and self.last_not_below is not None:
                assert self.now - self.last_not_below >= self.spec.down_delay * SECOND

    def _apply(self, decision: Decision) -> Applied:
        applied = outcome(self.spec, decision)
        if applied.kind == "scaled" and self.write_fails:
            applied = Applied("failed", "conflict")
        if applied.kind == "scaled":
            self.replicas, self.last_scaled = decision.desired, self.now
        return applied

    def _remember(self, decision: Decision, due: Expected, applied: Applied) -> None:
        self.memory = memory_after(decision, applied)
        self.status = status_after(self.spec, decision, applied, self.status)
        if change(self.written, self.status) == "decision":  # other changes may wait (D22)
            self.written = self.status
        second = self.now // SECOND * SECOND
        self.due_memory = due.memory
        if applied.kind == "scaled":
            self.due_memory = structs.replace(due.memory, last_scale=second)
        if due.active:
            self.inactive_since = None
        elif due.active is False and self.inactive_since is None:
            self.inactive_since = second
        self.last_evaluated = self.now
