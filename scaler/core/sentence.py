"""A decision in one sentence for people."""

from collections.abc import Callable, Mapping
from typing import Final

from kube.vocab.times import SECOND
from scaler.core.conditions import Applied
from scaler.core.messages import failure_text
from scaler.core.metric_spec import Metric
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import Spec
from scaler.core.trace import Decision, Rule, Step


def sentence(spec: Spec, decision: Decision, applied: Applied) -> str:
    """What was decided, because of what, and which rule bound it."""
    return f"{_verb(decision, applied)}: {_because(spec, decision)}"


def plain(milli: int) -> str:
    """Thousandths as people write numbers: 33333 is 33.333, 9000000 is 9000."""
    whole, rest = divmod(abs(milli), 1000)
    sign = "-" if milli < 0 else ""
    return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else f"{sign}{whole}"


def _verb(decision: Decision, applied: Applied) -> str:
    move = f"{decision.current} to {decision.desired}"
    match applied.kind:
        case "scaled":
            return f"scaled from {move}"
        case "failed":
            return f"could not scale from {move} ({applied.error})"
        case "dry_run":
            return f"dry run, would scale from {move}"
        case "none" if not decision.target_seen:
            return "holds"
        case "none":
            return f"stays at {decision.desired}"


def _because(spec: Spec, decision: Decision) -> str:
    rival = f"{spec.gives_way_to} sets the count too" if spec.gives_way_to else ""
    parts = (_value(spec, decision), _rules(spec, decision), rival)
    return "; ".join(text for text in parts if text)


def _value(spec: Spec, decision: Decision) -> str:
    if decision.winner is None:
        return ""
    metric, proposal = spec.signals[decision.winner], decision.proposals[decision.winner]
    if proposal is None or proposal.region == "zero":
        return ""
    if isinstance(metric, Recommender):
        advice = decision.readings[decision.winner].advice
        return "" if advice is None else _advice(metric, advice)
    each = " per replica" if spec.average else ""
    shown = f"{metric.name} {plain(proposal.usage)}{each}"
    low, high = plain(metric.low), plain(metric.high)
    match proposal.region:
        case "above":
            return f"{shown} is above {high} and asks for {proposal.replicas}"
        case "below":
            return f"{shown} is below {low} and asks for {proposal.replicas}"
        case "inside":
            return f"{shown} is {_inside(spec, proposal.usage, metric)}"


def _advice(recommender: Recommender, advice: Advice) -> str:
    shown = f"{recommender.name} recommends {advice.replicas}"
    if advice.lower == advice.upper:
        return shown
    return f"{shown} and is content with {advice.lower} to {advice.upper}"


def _inside(spec: Spec, usage: int, metric: Metric) -> str:
    low, high = plain(metric.low), plain(metric.high)
    tolerated = f"but within the tolerance of {plain(spec.tolerance * 100)} %"
    if usage > metric.high:
        return f"above {high} {tolerated}"
    return f"below {low} {tolerated}" if usage < metric.low else f"between {low} and {high}"


def _rules(spec: Spec, decision: Decision) -> str:
    if decision.failed:
        return failure_text(spec, decision)
    return ", ".join(
        _PHRASES[step.rule](spec, step) for step in decision.steps if step.rule in _PHRASES
    )


def _wait(what: str) -> Callable[[Spec, Step], str]:
    return lambda _, step: f"{what} for another {-(-step.wait // SECOND)} s"


def _just(text: str) -> Callable[[Spec, Step], str]:
    return lambda _spec, _step: text


def _detail(_: Spec, step: Step) -> str:
    return step.detail


_PHRASES: Final[Mapping[Rule, Callable[[Spec, Step], str]]] = {
    "monitor_unreadable": _detail,
    "monitor_not_ok": _detail,
    "target_unreadable": _detail,
    "no_running_replicas": _detail,
    "invalid_selector": _detail,
    "warming_up": _detail,
    "pods_differ": _detail,
    "scaling_disabled": _just("the target is switched off with 0 replicas"),
    "above_max_replicas": _just("the target was above maxReplicas"),
    "below_min_replicas": _just("the target was below minReplicas"),
    "zero_value": _just("the value is 0 and tolerateZero is off"),
    "converge": _just("drifting towards the mark"),
    "recommendation": lambda _, step: f"{step.after} is asked for without urgency",
    "guarded_by_current": _just("the pods that count ask for no change"),
    "metric_unavailable": lambda _, step: f"not shrinking without all metrics ({step.detail})",
    "scale_up_limit": lambda _, step: f"scaleUpLimitFactor allows {step.after}",
    "scale_down_limit": lambda _, step: f"scaleDownLimitFactor allows {step.after}",
    "max_replicas": lambda _, step: f"maxReplicas is {step.after}",
    "min_replicas": lambda _, step: f"minReplicas is {step.after}",
    "modulo_alignment": lambda spec, step: f"{step.after} is the next multiple of {spec.modulo}",
    "upscale_window": _wait("the upscale forbidden window lasts"),
    "downscale_window": _wait("the downscale forbidden window lasts"),
    "upscale_delay": _wait("must stay above the high watermark"),
    "downscale_delay": _wait("must stay below the low watermark"),
    "fleet_frozen": _detail,
    "fleet_thaw": lambda _, step: f"{step.detail}, which leaves {step.after} for now",
}
