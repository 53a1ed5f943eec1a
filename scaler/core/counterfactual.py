"""What would have to be different for another decision: "would scale to 9 in 43 s".

Every binding rule names the least changes that lift it; each is tried with `decide` itself, so what
is said has been checked. Used for explanations and the flight recorder, not while deciding.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct, structs

from kube.vocab.times import SECOND, Millis
from scaler.core.decision import decide
from scaler.core.lifecycle import OK, Monitor
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed, PodCounts, Reading, Scale
from scaler.core.recommender import Advice
from scaler.core.sentence import plain
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.trace import Decision, Rule


class Situation(Struct, frozen=True, gc=False):
    """What a decision is made of, and in words when it would be so."""

    spec: Spec
    observed: Observed
    now: Millis
    when: str = ""


class Counterfactual(Struct, frozen=True, gc=False):
    """A situation close to the real one, and what would be decided in it."""

    situation: Situation
    decision: Decision

    @property
    def text(self) -> str:
        """The sentence for people."""
        decided = self.decision
        if not decided.target_seen:
            return f"would look at its target {self.situation.when}"
        outcome = f"scale to {decided.desired}" if decided.scales else f"stay at {decided.desired}"
        if not decided.scales:
            outcome += f" because of {decided.rule.replace('_', ' ')}"
        return f"would {outcome} {self.situation.when}"


Change = Callable[[Situation, Decision], Iterator[Situation]]


def counterfactual(spec: Spec, observed: Observed, decision: Decision) -> Counterfactual:
    """The nearest situation with another decision: another binding rule, or another count."""
    real = Situation(spec, observed, decision.at)
    for situation in _candidates(real, decision):
        other = decide(situation.spec, situation.observed, situation.now)
        if (other.rule, other.desired) != (decision.rule, decision.desired):
            return Counterfactual(situation, other)
    raise AssertionError(f"nothing changes a decision by {decision.rule}")


def _candidates(real: Situation, decision: Decision) -> Iterator[Situation]:
    yield from _CHANGES[decision.rule](real, decision)
    # Holds for every rule but the switch itself, which has a change of its own.
    off = Scale(0, 0, real.observed.scale.selector if real.observed.scale else "")
    yield _seen(real, "if the target were switched off", scale=off, scale_error="")


def _wait(real: Situation, decision: Decision) -> Iterator[Situation]:
    """Time passes with evaluations that see the same; the last of them was a period ago."""
    now = decision.at + decision.binding.wait
    seen = now - real.observed.period
    memory = structs.replace(decision.memory, above_seen=seen, below_seen=seen)
    later = structs.replace(real.observed, memory=memory)
    seconds = -(-decision.binding.wait // SECOND)
    yield structs.replace(real, observed=later, now=now, when=f"in {seconds} s")


def _pass_high(real: Situation, _: Decision) -> Iterator[Situation]:
    """One metric after the other rises just above its band."""
    if real.spec.recommender is not None:
        yield _recommended(real, real.spec.modulo)
    for index, metric in enumerate(real.spec.metrics):
        top = metric.high * (1000 + real.spec.tolerance)
        value = top * _divisor(real, index) // 1000 + 1
        when = f"once {metric.name} passes {plain(top // 1000)}{_each(real.spec)}"
        yield _valued(real, {index: value}, when)


def _between(real: Situation, _: Decision) -> Iterator[Situation]:
    """All metrics lie between their marks."""
    if real.spec.recommender is not None:
        yield _recommended(real, 0)
        return
    values = {
        index: metric.high * _divisor(real, index) for index, metric in enumerate(real.spec.metrics)
    }
    yield _valued(real, values, "if every metric were between its marks")


def _more_load(real: Situation, decision: Decision) -> Iterator[Situation]:
    """The winner asks for one replica more, or one multiple less, than there are."""
    counts = real.observed.pods if real.spec.recommender is None else None
    if decision.winner is not None and counts is not None:
        metric, pods = real.spec.metrics[decision.winner], max(1, counts.counted)
        divisor = _divisor(real, decision.winner)
        value = decision.current * metric.high * divisor // pods + 1
        shown = plain(value // max(1, divisor))
        when = f"once {metric.name} passes {shown}{_each(real.spec)}"
        yield _valued(real, {decision.winner: value}, when)
    yield from _between(real, decision)


def _loosen(field: str, words: str, value: Callable[[Decision], int]) -> Change:
    def change(real: Situation, decision: Decision) -> Iterator[Situation]:
        to = value(decision)
        spec = structs.replace(real.spec, **{field: to})
        yield structs.replace(real, spec=spec, when=f"if {words} were {to}")

    return change


def _more_up(real: Situation, decision: Decision) -> Iterator[Situation]:
    spec = structs.replace(real.spec, up_factor=HIGHEST_COUNT * 100_000)
    yield structs.replace(real, spec=spec, when="without scaleUpLimitFactor")
    yield from _between(real, decision)


def _more_down(real: Situation, decision: Decision) -> Iterator[Situation]:
    spec = structs.replace(real.spec, down_factor=99_999)
    yield structs.replace(real, spec=spec, when="with the largest scaleDownLimitFactor")
    yield from _between(real, decision)


def _all_available(real: Situation, decision: Decision) -> Iterator[Situation]:
    """What is missing is there, and asks for nothing."""
    if real.spec.recommender is not None:
        yield _recommended(real, 0)
        return
    missing = {
        index: metric.high * _divisor(real, index)
        for index, metric in enumerate(real.spec.metrics)
        if not _reading(real, index).good
    }
    names = " and ".join(real.spec.metrics[index].name for index in missing)
    yield _valued(real, missing, f"once {names} has a value between its marks")
    yield from _pass_high(real, decision)


def _pods(when: str, change: Callable[[Spec, PodCounts], PodCounts]) -> Change:
    def changed(real: Situation, _: Decision) -> Iterator[Situation]:
        pods = change(real.spec, real.observed.pods or PodCounts())
        yield _seen(real, when, pods=pods, pods_error="")

    return changed


def _one_counts(_: Spec, pods: PodCounts) -> PodCounts:
    owned = max(1, pods.owned)
    return PodCounts(max(owned, pods.listed), owned, owned, owned, 0, pods.foreign)


def _running(real: Situation, decision: Decision) -> Iterator[Situation]:
    scale = Scale(decision.current, decision.current, _selector(real))
    yield _seen(real, "once the target reports running replicas", scale=scale)


def _selectable(real: Situation, decision: Decision) -> Iterator[Situation]:
    scale = Scale(decision.current, decision.running, "app=target")
    yield _seen(real, "if the target had a pod selector", scale=scale, selector_error="")


def _switched_on(real: Situation, _: Decision) -> Iterator[Situation]:
    scale = Scale(real.spec.min_replicas, real.spec.min_replicas, _selector(real))
    yield _seen(real, "if the target were switched on", scale=scale)


def _unblocked(real: Situation, _: Decision) -> Iterator[Situation]:
    """What would follow is known as far as the target was looked at."""
    title = f"{real.spec.namespace}/{real.spec.name}"
    yield _seen(real, f"once monitor {title} is OK", monitor=Monitor(OK))


def _readable(real: Situation, _: Decision) -> Iterator[Situation]:
    scale = Scale(real.spec.min_replicas, real.spec.min_replicas, "app=target")
    yield _seen(real, "once the target can be read", scale=scale, scale_error="")


def _without_fleet(when: str) -> Change:
    def changed(real: Situation, _: Decision) -> Iterator[Situation]:
        yield _seen(real, when, fleet=None)

    return changed


def _without_doubt(real: Situation, _: Decision) -> Iterator[Situation]:
    yield _seen(real, "once the pods are as many as the target reports", doubt="")


_CHANGES: Final[Mapping[Rule, Change]] = {
    "invalid_spec": _between,
    "monitor_unreadable": _unblocked,
    "monitor_not_ok": _unblocked,
    "target_unreadable": _readable,
    "scaling_disabled": _switched_on,
    "above_max_replicas": _loosen("max_replicas", "maxReplicas", lambda made: made.current),
    "below_min_replicas": _loosen("min_replicas", "minReplicas", lambda made: made.current),
    "no_running_replicas": _running,
    "invalid_selector": _selectable,
    "pods_unreadable": _pods("once the pods can be read", _one_counts),
    "no_pods": _pods("once a pod counts", _one_counts),
    "none_ready": _pods("once a pod counts", _one_counts),
    "not_enough_available": _pods("once all pods are ready", _one_counts),
    "metric_unavailable": _all_available,
    "within_watermarks": _pass_high,
    "zero_value": _pass_high,
    "above_watermark": _between,
    "below_watermark": _between,
    "converge": _pass_high,
    "recommendation": _between,
    "guarded_by_current": _more_load,
    "warming_up": _pods("once all Ready pods count", _one_counts),
    "pods_differ": _without_doubt,
    "scale_up_limit": _more_up,
    "scale_down_limit": _more_down,
    "max_replicas": _loosen("max_replicas", "maxReplicas", lambda made: max(1, made.asked)),
    "min_replicas": _loosen("min_replicas", "minReplicas", lambda made: max(1, made.asked)),
    "modulo_alignment": _loosen("modulo", "replicaScalingAbsoluteModulo", lambda _: 1),
    "upscale_window": _wait,
    "downscale_window": _wait,
    "upscale_delay": _wait,
    "downscale_delay": _wait,
    "fleet_frozen": _without_fleet("once the fleet breaker lets everything shrink again"),
    "fleet_thaw": _without_fleet("once the thaw after the fleet breaker is over"),
}


def _valued(real: Situation, values: Mapping[int, int], when: str) -> Situation:
    """The same situation with good readings of these values, by index of the metric."""
    readings = [_reading(real, index) for index in range(len(real.spec.metrics))]
    for index, value in values.items():
        # Every pod has a sample then, so that the divisor of a Resource metric stays.
        pods = readings[index].series + readings[index].missing
        readings[index] = Reading("ok", value, max(1, pods), real.now)
    return _seen(real, when, readings=tuple(readings))


def _recommended(real: Situation, more: int) -> Situation:
    """The recommender asks for `more` than there are, at once."""
    count = (real.observed.scale.spec_replicas if real.observed.scale else 0) + more
    reading = Reading("ok", 0, 1, real.now, advice=Advice(count, count, count))
    return _seen(real, f"if the recommender asked for {count}", readings=(reading,))


def _seen(real: Situation, when: str, **fields: object) -> Situation:
    return structs.replace(real, observed=structs.replace(real.observed, **fields), when=when)


def _reading(real: Situation, index: int) -> Reading:
    given = real.observed.readings
    return given[index] if index < len(given) else Reading("error")


def _divisor(real: Situation, index: int) -> int:
    """By what a value of the metric is divided before it meets the marks."""
    metric: Metric = real.spec.metrics[index]
    reading = _reading(real, index)
    if metric.kind == "Resource":
        return max(1, reading.series + reading.missing)
    pods = real.observed.pods
    return max(1, pods.counted) if real.spec.average and pods is not None else 1


def _each(spec: Spec) -> str:
    return " per replica" if spec.average else ""


def _selector(real: Situation) -> str:
    scale = real.observed.scale
    return scale.selector if scale is not None and scale.selector else "app=target"
