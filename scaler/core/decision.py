"""The decision: read this file from top to bottom as the manual of the algorithm.

`decide` is pure and total: the same specification, observation and time give the same decision, and
it never raises. The daemon, the explanation and every replay run this one function.

The questions, in the order in which they are asked:

1. Gates (`gates.py`). Does a monitor block it (§19)? Is the target switched off, outside its
   bounds, running at all? Whose are the pods, how many count, are there enough (D14, D4, D5)? Where
   a gate answers, metrics have no say.
2. Evidence (`evidence.py`, `watermarks.py`, `recommendation.py`). What is known of each metric, and
   what does it ask for? Unknown is never zero (D17).
3. Memory (`timing.py`). Since when has a value been above its high mark, or below its low one?
4. Proposal. The largest one leads (§12); while a metric is missing only growth goes ahead (D13).
5. Limits (`limits.py`). How far may one step go: velocity, bounds, multiples (§13, D8)?
6. Waits (`timing.py`). May it happen now: forbidden windows and delays (§14, D12)?
7. Fleet (`fleet.py`). If it shrinks: did so many metrics go missing that nothing should?

Each rule that has an effect leaves a `Step`; the last step is the one that bound the outcome.
"""

from collections.abc import Mapping
from typing import Final

from kube.vocab.times import Millis
from scaler.core.evidence import Evidence, weigh
from scaler.core.gates import Passed, pass_gates
from scaler.core.limits import Limited, LimitReason, limit
from scaler.core.observed import Fleet, Memory, Observed, PodCounts
from scaler.core.spec import Spec
from scaler.core.timing import Windows, delay_left, remember, windows
from scaler.core.trace import Course, Decision, Rule
from scaler.core.watermarks import Proposal, up_to_multiple


def decide(spec: Spec, observed: Observed, now: Millis) -> Decision:
    """The replica count to have at `now`, and why."""
    outcome = pass_gates(spec, observed, now)
    if isinstance(outcome, Decision):
        return outcome
    return _decide_on_metrics(spec, observed, outcome, now)


def _decide_on_metrics(spec: Spec, observed: Observed, passed: Passed, now: Millis) -> Decision:
    """Questions 2 to 7, about a target that passed the gates."""
    pods, course = passed.pods, Course(passed.scale.spec_replicas)
    evidence = weigh(spec, observed, course.current, pods.counted)
    winner, best = evidence.winner, evidence.best
    if winner is None or best is None:
        return _hold_without_evidence(observed, passed, course, evidence, now)
    memory = remember(
        observed.memory,
        above=evidence.above,
        below=evidence.below,
        complete=evidence.complete,
        now=now,
        period=observed.period,
    )
    _follow(course, best)
    _spare_on_missing_evidence(course, evidence, best)
    asked = course.count
    limited = _limit(course, spec, pods) if _is_certain(course, spec, observed, pods) else None
    open_in = windows(spec, memory.last_scale, now)
    _wait(course, spec, memory, open_in, evidence, now)
    _spare_for_fleet(course, spec, observed.fleet)
    return Decision(
        at=now,
        steps=tuple(course.steps),
        desired=course.count,
        current=course.current,
        running=passed.scale.status_replicas,
        asked=asked,
        why=_why(spec.signals[winner].display, evidence, asked, limited, course.current),
        memory=memory,
        pods=pods,
        readings=evidence.readings,
        proposals=evidence.proposals,
        winner=winner,
        unavailable=evidence.unavailable,
        limited=limited,
        windows=open_in,
        monitor=passed.monitor,
    )


def _hold_without_evidence(
    observed: Observed, passed: Passed, course: Course, evidence: Evidence, now: Millis
) -> Decision:
    """Nothing is known, so nothing moves, and no time passes above or below either (D15)."""
    course.hold("metric_unavailable", evidence.unavailable)
    return Decision(
        at=now,
        steps=tuple(course.steps),
        desired=course.count,
        current=course.current,
        running=passed.scale.status_replicas,
        asked=course.current,
        memory=observed.memory,
        pods=passed.pods,
        readings=evidence.readings,
        proposals=evidence.proposals,
        unavailable=evidence.unavailable,
        monitor=passed.monitor,
    )


def _follow(course: Course, best: Proposal) -> None:
    """The largest proposal leads.

    A value above its mark never asks for less than there is, one below never for more; where it
    would, the current count guards, and the proposal comes out as that.
    """
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


def _spare_on_missing_evidence(course: Course, evidence: Evidence, best: Proposal) -> None:
    """A missing metric could only ask for more: growth goes ahead, all else waits for it (D13)."""
    grows = best.region == "above"
    if not evidence.complete and not grows and course.count != course.current:
        course.hold("metric_unavailable", evidence.unavailable)


def _is_certain(course: Course, spec: Spec, observed: Observed, pods: PodCounts) -> bool:
    """Whether the pods allow a step in that direction: none down while some that carry load do not
    count yet (D35), none that a view that is not believed yet would make too large (V-07).
    """
    grows, shrinks = course.count > course.current, course.count < course.current
    if shrinks and pods.warming > 0:
        course.hold("warming_up", f"{pods.warming} Ready pods are younger than the readiness delay")
        return False
    larger = (shrinks and observed.doubt == "fewer") or (grows and observed.doubt == "more")
    if larger and spec.multiplies_pods:
        reported = observed.scale.status_replicas if observed.scale else 0
        text = f"{pods.owned} pods are listed where the target reports {reported}"
        course.hold("pods_differ", text)
        return False
    return True


def _limit(course: Course, spec: Spec, pods: PodCounts) -> Limited:
    """One step goes only so far."""
    limited = limit(spec, course.current, course.count, pods.counted)
    if limited.reason != "DesiredWithinRange":
        course.take(_RULE_OF_LIMIT[limited.reason], limited.replicas)
    return limited


_RULE_OF_LIMIT: Final[Mapping[LimitReason, Rule]] = {
    "ScaleUpLimit": "scale_up_limit",
    "ScaleDownLimit": "scale_down_limit",
    "TooManyReplicas": "max_replicas",
    "TooFewReplicas": "min_replicas",
    "ModuloAlignment": "modulo_alignment",
}


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
    if course.count > course.current:
        delay = 0 if evidence.stable else delay_left(memory.above, spec.up_delay, now)
        waits = [(open_in.up, "upscale_window"), (delay, "upscale_delay")]
    elif course.count < course.current:
        delay = 0 if evidence.stable else delay_left(memory.below, spec.down_delay, now)
        waits = [(open_in.down, "downscale_window"), (delay, "downscale_delay")]
    else:
        return
    for wait, rule in sorted(waits):
        if wait > 0:
            course.hold(rule, wait=wait)


def _spare_for_fleet(course: Course, spec: Spec, fleet: Fleet | None) -> None:
    """What would shrink now waits while the breaker is open, and takes turns while it thaws.

    A step goes whole or waits: a part of it would only start a forbidden window. Just what is
    larger than a portion goes in parts, which end on a multiple as all counts do (D8).
    """
    current, count = course.current, course.count
    if fleet is None or count >= current:
        return
    if fleet.state == "frozen":
        course.hold("fleet_frozen", fleet.text)
        return
    if current - count > fleet.portion:
        count = min(up_to_multiple(current - fleet.portion, spec.modulo), current)
    if current - count > fleet.allowance:
        course.hold("fleet_thaw", fleet.text)
    elif count != course.count:
        course.take("fleet_thaw", count, fleet.text)


def _why(metric: str, evidence: Evidence, asked: int, limited: Limited | None, current: int) -> str:
    """The reason text of scaling events, in which the leading `metric` is named (§15)."""
    if evidence.stable and limited is not None and limited.replicas != current:
        return "Metric within watermarks, attempting to scale to converge towards watermark"
    if asked > current:
        return f"{metric} above target"
    return "All metrics below target" if asked < current else ""
