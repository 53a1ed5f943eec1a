"""The decision: read this file from top to bottom as the manual of the algorithm.

`decide` is pure and total: the same specification, observation and time give the same decision, and
it never raises. The daemon, the explanation and every replay run this one function.

The order of the rules (§19, D14): does a monitor block it; is the target switched off, outside its
bounds, running at all; whose are the pods and how many count; what do the metrics ask for; how far
may one step go; may it happen now. Each rule that has an effect leaves a `Step`; the last step is
the one that bound the outcome.
"""

from collections.abc import Mapping
from typing import Final

from kube.vocab.times import Millis
from scaler.core.evidence import Evidence, weigh
from scaler.core.gates import Passed, pass_gates
from scaler.core.limits import Limited, LimitReason, limit
from scaler.core.observed import Memory, Observed, PodCounts
from scaler.core.spec import Spec
from scaler.core.timing import Windows, delay_left, remember, windows
from scaler.core.trace import Decision, Rule, Step

_RULE_OF_LIMIT: Final[Mapping[LimitReason, Rule]] = {
    "ScaleUpLimit": "scale_up_limit",
    "ScaleDownLimit": "scale_down_limit",
    "TooManyReplicas": "max_replicas",
    "TooFewReplicas": "min_replicas",
    "ModuloAlignment": "modulo_alignment",
}


def decide(spec: Spec, observed: Observed, now: Millis) -> Decision:
    """The replica count to have at `now`, and why."""
    outcome = pass_gates(spec, observed, now)
    if isinstance(outcome, Decision):
        return outcome
    return _decide_on_metrics(spec, observed, outcome, now)


def needs_metrics(spec: Spec, observed: Observed, now: Millis) -> bool:
    """Whether metrics have a say, so that they are asked for only then."""
    return not isinstance(pass_gates(spec, observed, now), Decision)


class Course:
    """The count on its way through the rules, and the trace it leaves."""

    def __init__(self, current: int) -> None:
        self.current = current
        self.count = current
        self.steps: list[Step] = []

    def take(self, rule: Rule, count: int, detail: str = "", wait: int = 0) -> None:
        """`rule` makes the count `count`."""
        self.steps.append(Step(rule, self.count, count, detail, wait))
        self.count = count

    def hold(self, rule: Rule, detail: str = "", wait: int = 0) -> None:
        """`rule` keeps the target as it is."""
        self.take(rule, self.current, detail, wait)


def _decide_on_metrics(spec: Spec, observed: Observed, passed: Passed, now: Millis) -> Decision:
    scale, pods = passed.scale, passed.pods
    course = Course(scale.spec_replicas)
    evidence = weigh(spec, observed, course.current, pods.counted)
    memory = observed.memory
    limited: Limited | None = None
    open_in: Windows | None = None
    asked = course.current
    if evidence.winner is None:
        course.hold("metric_unavailable", evidence.unavailable)
    else:
        memory = remember(
            memory,
            above=evidence.above,
            below=evidence.below,
            complete=evidence.complete,
            now=now,
            period=observed.period,
        )
        _ask(course, evidence)
        _spare_on_missing_evidence(course, evidence)
        asked = course.count
        limited = _limit(course, spec, pods)
        open_in = windows(spec, memory.last_scale, now)
        _wait(course, spec, memory, open_in, evidence, now)
    return Decision(
        at=now,
        steps=tuple(course.steps),
        desired=course.count,
        current=course.current,
        running=scale.status_replicas,
        asked=asked,
        why=_why(spec, evidence, asked, limited, course.current),
        memory=memory,
        pods=pods,
        readings=evidence.readings,
        proposals=evidence.proposals,
        winner=evidence.winner,
        unavailable=evidence.unavailable,
        limited=limited,
        windows=open_in,
        monitor=passed.monitor,
    )


def _ask(course: Course, evidence: Evidence) -> None:
    """The largest proposal leads; above its mark it never asks for less, below never for more."""
    best = evidence.best
    if best is None:
        return
    match best.region:
        case "above":
            course.take("above_watermark", best.replicas)
        case "below":
            course.take("below_watermark", best.replicas)
        case "zero":
            course.take("zero_value", best.replicas)
        case "inside" if best.convergence == "taken":
            course.take("converge", best.replicas)
        case "inside" if best.replicas != course.current:
            # Only a recommender moves inside its bounds, where no delay runs.
            course.take("recommendation", best.replicas)
        case "inside":
            course.take("within_watermarks", best.replicas)
    if best.region in ("above", "below") and best.replicas == course.current:
        course.hold("guarded_by_current")


def _spare_on_missing_evidence(course: Course, evidence: Evidence) -> None:
    """A missing metric could only ask for more: growth goes ahead, all else waits for it (D13)."""
    best = evidence.best
    grows = best is not None and best.region == "above"
    if not evidence.complete and not grows and course.count != course.current:
        course.hold("metric_unavailable", evidence.unavailable)


def _limit(course: Course, spec: Spec, pods: PodCounts) -> Limited | None:
    """One step goes only so far. None where warming pods stop a downscale beforehand (D35)."""
    if pods.warming > 0 and course.count < course.current:
        course.hold("warming_up", f"{pods.warming} Ready pods are younger than the readiness delay")
        return None
    limited = limit(spec, course.current, course.count, pods.counted)
    if limited.reason != "DesiredWithinRange":
        course.take(_RULE_OF_LIMIT[limited.reason], limited.replicas)
    return limited


def _wait(
    course: Course,
    spec: Spec,
    memory: Memory,
    open_in: Windows,
    evidence: Evidence,
    now: Millis,
) -> None:
    """Forbidden windows, then delays; of two that hold, the one that ends later binds.

    Convergence happens inside the marks, where no delay runs.
    """
    waits: list[tuple[int, Rule]]
    stable = not (evidence.above or evidence.below)
    if course.count > course.current:
        delay = 0 if stable else delay_left(memory.above, spec.up_delay, now)
        waits = [(open_in.up, "upscale_window"), (delay, "upscale_delay")]
    elif course.count < course.current:
        delay = 0 if stable else delay_left(memory.below, spec.down_delay, now)
        waits = [(open_in.down, "downscale_window"), (delay, "downscale_delay")]
    else:
        return
    for wait, rule in sorted(waits):
        if wait > 0:
            course.hold(rule, wait=wait)


def _why(spec: Spec, evidence: Evidence, asked: int, limited: Limited | None, current: int) -> str:
    """The reason text of scaling events (wpa-behaviour §15)."""
    if evidence.winner is None:
        return ""
    stable = not (evidence.above or evidence.below)
    if stable and limited is not None and limited.replicas != current:
        return "Metric within watermarks, attempting to scale to converge towards watermark"
    if asked > current:
        return f"{spec.signals[evidence.winner].display} above target"
    return "All metrics below target" if asked < current else ""
