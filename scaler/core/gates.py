"""The rules that come before any metric, in their order (§19, D14, D4, D5, D19).

They work during a metric outage, and the conditions that metrics own keep their state (D14).
"""

from msgspec import Struct

from kube.vocab.times import Millis
from scaler.core.lifecycle import NOT_READ, Monitor
from scaler.core.observed import Observed, PodCounts, Scale
from scaler.core.spec import Spec
from scaler.core.trace import Decision, Rule, Step


class Passed(Struct, frozen=True, gc=False):
    """What metrics decide about: a running target with pods that count."""

    scale: Scale
    pods: PodCounts
    monitor: Monitor | None


def pass_gates(spec: Spec, observed: Observed, now: Millis) -> Decision | Passed:
    """The decision where metrics have no say; otherwise what they decide about."""
    scale, pods, monitor = observed.scale, observed.pods, _monitor(spec, observed)
    blocked = _blocked(spec, monitor)
    if blocked is not None or scale is None:
        error = observed.scale_error or "the target was not read"
        step = blocked or Step("target_unreadable", 0, 0, error)
        return Decision(at=now, steps=(step,), desired=0, memory=observed.memory, monitor=monitor)
    stop = _bounds(spec, scale) or _running(observed, scale) or _pods(spec, observed, scale)
    if stop is None and pods is not None:
        return Passed(scale, pods, monitor)
    step, why = stop or _hold(scale, "pods_unreadable", "the pods were not read")
    return Decision(
        at=now,
        steps=(step,),
        desired=step.after,
        current=scale.spec_replicas,
        running=scale.status_replicas,
        asked=step.after,
        why=why,
        memory=observed.memory,
        pods=pods,
        monitor=monitor,
    )


def needs_metrics(spec: Spec, observed: Observed, now: Millis) -> bool:
    """Whether metrics have a say, so that they are asked for only then."""
    return not isinstance(pass_gates(spec, observed, now), Decision)


def available_percentage(pods: PodCounts) -> int:
    """Ready out of all live pods of the target, rounded down (D5)."""
    return 100 * pods.ready // pods.owned if pods.owned else 0


def _monitor(spec: Spec, observed: Observed) -> Monitor | None:
    """The monitor that has a say. One that was not read is one that cannot be read."""
    return (observed.monitor or NOT_READ) if spec.lifecycle.on else None


def _blocked(spec: Spec, monitor: Monitor | None) -> Step | None:
    """A monitor that is not OK comes before everything, corrections included (§19)."""
    if monitor is None or monitor.blocks is None:
        return None
    text = monitor.told(f"{spec.namespace}/{spec.name}")
    return Step(monitor.blocks, 0, 0, f"{text}: {monitor.error}" if monitor.error else text)


Stop = tuple[Step, str]
"""The step that ends the evaluation, and the reason text of a scaling event."""


def _bounds(spec: Spec, scale: Scale) -> Stop | None:
    """Zero switches autoscaling off; a count outside the bounds is brought back at once."""
    current = scale.spec_replicas
    if current == 0:
        return Step("scaling_disabled", 0, 0), ""
    if current > spec.max_replicas:
        step = Step("above_max_replicas", current, spec.max_replicas)
        return step, "Current number of replicas above Spec.MaxReplicas"
    if current < spec.min_replicas:
        step = Step("below_min_replicas", current, spec.min_replicas)
        return step, "Current number of replicas below Spec.MinReplicas"
    return None


def _running(observed: Observed, scale: Scale) -> Stop | None:
    if scale.status_replicas <= 0:
        return _hold(scale, "no_running_replicas", "the target has no running replicas yet")
    if observed.selector_error:
        return _hold(scale, "invalid_selector", observed.selector_error)
    if not scale.selector.strip():
        return _hold(scale, "invalid_selector", "the scale target has no pod selector")
    return None


def _pods(spec: Spec, observed: Observed, scale: Scale) -> Stop | None:
    pods = observed.pods
    if pods is None:
        return _hold(scale, "pods_unreadable", observed.pods_error or "the pods were not read")
    if pods.listed == 0:
        text = "no pods returned by selector while calculating replica count"
        return _hold(scale, "no_pods", text)
    if pods.counted <= 0:
        text = (
            "unable to get the number of ready pods across all namespaces for "
            f"{scale.selector}: among the {pods.listed} pods, none is ready. "
            "Skipping recommendation"
        )
        return _hold(scale, "none_ready", text)
    percentage = available_percentage(pods)
    if percentage < spec.min_available:
        text = (
            f"{percentage} % of the pods are unready, will not autoscale "
            f"{spec.namespace}/{spec.target.name}"
        )
        return _hold(scale, "not_enough_available", text)
    return None


def _hold(scale: Scale, rule: Rule, detail: str) -> Stop:
    return Step(rule, scale.spec_replicas, scale.spec_replicas, detail), ""
