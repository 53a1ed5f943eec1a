"""Texts that conditions, events and logs share (wpa-behaviour §9, §10, §12, §15)."""

from collections.abc import Mapping
from typing import Final

from kube.vocab.selectors import LabelSelector
from kube.vocab.times import Millis, format_rfc3339
from scaler.core.limits import LimitReason
from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading
from scaler.core.recommender import Recommender
from scaler.core.spec import Spec
from scaler.core.trace import Decision

_LIMIT_TEXT: Final[Mapping[LimitReason, str]] = {
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
    "TooManyReplicas": "the desired replica count is above the maximum replica count",
    "TooFewReplicas": "the desired replica count is below the minimum replica count",
    "DesiredWithinRange": "the desired count is within the acceptable range",
}


def limit_text(spec: Spec, reason: LimitReason) -> str:
    """What a limit did, as upstream words it; multiples are ours (D8)."""
    aligned = f"the desired replica count was aligned to a multiple of {spec.modulo}"
    return _LIMIT_TEXT.get(reason, aligned)


def failure_reason(spec: Spec, decision: Decision) -> str:
    """`FailedGetExternalMetric` or `FailedGetResourceMetric`, by the signal that failed first."""
    return reading_failure_reason(spec, _failed(spec, decision))


def failure_text(spec: Spec, decision: Decision) -> str:
    """Why no replica count could be computed, as upstream words it."""
    if decision.rule != "metric_unavailable":
        return decision.binding.detail
    index = _failed(spec, decision)
    text = reading_failure_text(spec, index, decision.readings[index])
    several = len(spec.signals) > 1
    return text + unavailable_text(decision) if several else text


def reading_failure_reason(spec: Spec, index: int) -> str:
    """The reason for a signal without a value; upstream has none for recommenders."""
    signal = spec.signals[index]
    external = isinstance(signal, Metric) and signal.kind == "External"
    return "FailedGetExternalMetric" if external else "FailedGetResourceMetric"


def reading_failure_text(spec: Spec, index: int, reading: Reading) -> str:
    """Why the signal of that index has no value, as upstream words it."""
    signal, why = spec.signals[index], reading_text(reading)
    text = _unable(spec, signal)
    if isinstance(signal, Metric):
        text += selector_dump(signal.wire_selector)
    return f"{text}: {why}"


def tells_of_a_signal(spec: Spec, message: str) -> bool:
    """Whether `message` says that a signal has no value, as `reading_failure_text` words it."""
    return any(_unable(spec, signal) in message for signal in spec.signals)


def unavailable_text(decision: Decision) -> str:
    """What a text about the signals that are there adds about the others (D13)."""
    return f" (unavailable: {decision.unavailable})" if decision.unavailable else ""


def missing_names(spec: Spec, message: str) -> tuple[str, ...]:
    """The signals that `unavailable_text` names at the end of `message`."""
    named = message.partition(" (unavailable: ")[2]
    return tuple(signal.name for signal in spec.signals if f"{signal.name}: " in named)


def reading_text(reading: Reading) -> str:
    """What is wrong with `reading`."""
    return reading.detail or f"the value is {reading.state}"


def compute_failure_text(spec: Spec, decision: Decision) -> str:
    """The wrapped form of `failure_text`, for the event that follows it."""
    signal, text = spec.signals[_failed(spec, decision)], failure_text(spec, decision)
    if isinstance(signal, Recommender):
        return f"failed to get the recommendation from {signal.public_url}: {text}"
    if signal.kind == "External":
        return f"failed to compute replicas based on external metric {signal.name}: {text}"
    return f"failed to get resource metric {signal.name}: {text}"


def reference(spec: Spec) -> str:
    """The target as upstream prints it."""
    return f"{spec.target.kind}/{spec.namespace}/{spec.target.name}"


def not_scaling_event(spec: Spec, decision: Decision) -> str:
    """The text of a `NotScaling` event; the blank before the parenthesis is upstream's."""
    return (
        f"Decided not to scale {reference(spec)} to {_computed(decision)} "
        f"(last scale time was {_go_time(decision.memory.last_scale)} )"
    )


def not_scaling_text(spec: Spec, decision: Decision) -> str:
    """The text of the `NotScaling` condition."""
    return (
        "the WPA was able to successfully calculate a replica count and decided not to scale "
        f"{reference(spec)} to {_computed(decision)} "
        f"(last scale time was {_go_time(decision.memory.last_scale)} )"
    )


def selector_dump(selector: LabelSelector | None) -> str:
    """A label selector as the Go client prints it."""
    labels = (selector.match_labels if selector else None) or {}
    expressions = (selector.match_expressions if selector else None) or ()
    shown = "".join(f"{key}: {labels[key]}," for key in sorted(labels))
    parts = "".join(
        f"LabelSelectorRequirement{{Key:{part.key},Operator:{part.operator},"
        f"Values:[{' '.join(part.values or ())}],}},"
        for part in expressions
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{shown}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{parts}}},}}"
    )


def _unable(spec: Spec, signal: Metric | Recommender) -> str:
    if isinstance(signal, Recommender):
        return f"unable to get external recommendation {signal.name}"
    return f"unable to get {signal.kind.lower()} metric {spec.namespace}/{signal.name}/"


def _failed(spec: Spec, decision: Decision) -> int:
    """Index of the first signal without a value; before any was read, of the first signal."""
    for index, reading in enumerate(decision.readings[: len(spec.signals)]):
        if not reading.good:
            return index
    return 0


def _computed(decision: Decision) -> int:
    return decision.limited.replicas if decision.limited else decision.desired


def _go_time(moment: Millis | None) -> str:
    if moment is None:
        return "<nil>"
    return format_rfc3339(moment).replace("T", " ").replace("Z", " +0000 UTC")
