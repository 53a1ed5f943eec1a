"""What an evaluation shows as series (wpa-behaviour §20 with D17, D27), as data.

Names, labels and milli-units are upstream's, misspelt twins included, so that dashboards keep
working. A metric without a value has no value series: a gap is not a zero.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND
from scaler.core.spec import Spec
from scaler.core.trace import FLEET_RULES, Decision
from scaler.core.wire import AutoscalerStatus

PREFIX: Final = "wpa_controller_"

HELP: Final = {
    "value": "Value compared with the watermarks, in thousandths.",
    "high_watermark": "High watermark, in thousandths.",
    "high_watermak": "High watermark, in thousandths (upstream's spelling).",
    "low_watermark": "Low watermark, in thousandths.",
    "low_watermak": "Low watermark, in thousandths (upstream's spelling).",
    "replicas_scaling_proposal": "Replicas a metric asks for, before any limit.",
    "replicas_scaling_effective": "Replicas after all limits, windows and delays.",
    "min_replicas": "Lower bound of the replica count.",
    "max_replicas": "Upper bound of the replica count.",
    "restricted_scaling": "1 for what keeps the count from following the metrics.",
    "transition_countdown": "Seconds until the forbidden window of a direction ends.",
    "dry_run": "1 while changes are computed but not applied.",
    "scaling_active": "1 while a replica count can be computed.",
    "conditions": "1 for each condition that is True.",
}
"""Name without prefix, and meaning, of every gauge."""

COMMON_LABELS: Final = (
    "wpa_name",
    "wpa_namespace",
    "resource_namespace",
    "resource_name",
    "resource_kind",
    "target_name",
    "namespace",
    "dry_run",
)
"""The labels that every series of an object begins with (W-M12)."""

EXTRA_LABEL: Final = {
    "value": "metric_name",
    "high_watermark": "metric_name",
    "high_watermak": "metric_name",
    "low_watermark": "metric_name",
    "low_watermak": "metric_name",
    "replicas_scaling_proposal": "metric_name",
    "restricted_scaling": "reason",
    "transition_countdown": "transition",
    "conditions": "condition",
}
"""The label that a gauge has beyond the common ones."""

LIFECYCLE: Final = f"{PREFIX}lifecycle_control_status"
LIFECYCLE_LABELS: Final = (
    "wpa_name",
    "wpa_namespace",
    "lifecycle_status",
    "monitor_name",
    "monitor_namespace",
    "dry_run",
)
"""The labels of the one series that does not begin with the common ones."""

_CONDITIONS: Final = {
    "able_to_scale": "AbleToScale",
    "scaling_limited": "ScalingLimited",
    "scaling_blocked": "ScalingBlocked",
}


class Gauge(Struct, frozen=True, gc=False):
    """One sample: name without prefix, the label beyond the common ones ("" for none), value."""

    name: str
    value: float
    label: str = ""
    label_value: str = ""


def common_values(spec: Spec) -> list[str]:
    """The values of `COMMON_LABELS`."""
    return [
        spec.name,
        spec.namespace,
        spec.namespace,
        spec.target.name,
        spec.target.kind,
        spec.target.name,
        spec.namespace,
        "true" if spec.dry_run else "false",
    ]


def lifecycle_values(spec: Spec) -> list[str]:
    """The values of `LIFECYCLE_LABELS`: the monitor has the autoscaler's names."""
    dry_run = "true" if spec.dry_run else "false"
    return [spec.name, spec.namespace, "blocked", spec.name, spec.namespace, dry_run]


def gauges(spec: Spec, decision: Decision, status: AutoscalerStatus) -> Iterator[Gauge]:
    """The samples that follow from `decision` and the status it left."""
    yield Gauge("min_replicas", spec.min_replicas)
    yield Gauge("max_replicas", spec.max_replicas)
    yield Gauge("dry_run", spec.dry_run)
    if decision.target_seen:
        yield Gauge("replicas_scaling_effective", decision.desired)
    yield from _of_metrics(spec, decision)
    yield from _of_limits(decision)
    active = status.condition("ScalingActive")
    yield Gauge("scaling_active", active is not None and active.is_true)
    for label, kind in _CONDITIONS.items():
        stored = status.condition(kind)
        if stored is not None:
            yield Gauge("conditions", stored.is_true, "condition", label)


def _of_metrics(spec: Spec, decision: Decision) -> Iterator[Gauge]:
    """By metric name (a recommender has one too), the only thing upstream's labels tell: of two
    metrics with one name the later one shows, as there, since no series may be there twice.
    """
    for name, signal in {signal.name: signal for signal in spec.signals}.items():
        if signal.high is not None:
            for high in ("high_watermark", "high_watermak"):
                yield Gauge(high, signal.high, "metric_name", name)
        if signal.low is not None:
            for low in ("low_watermark", "low_watermak"):
                yield Gauge(low, signal.low, "metric_name", name)
    proposals = {
        signal.name: proposal
        for signal, proposal in zip(spec.signals, decision.proposals, strict=False)
        if proposal is not None
    }
    for name, proposal in proposals.items():
        yield Gauge("value", proposal.usage, "metric_name", name)
        yield Gauge("replicas_scaling_proposal", proposal.replicas, "metric_name", name)


def _of_limits(decision: Decision) -> Iterator[Gauge]:
    if decision.evaluated:
        reason = decision.limited.reason if decision.limited else ""
        within = all(
            proposal is None or proposal.region in ("inside", "zero")
            for proposal in decision.proposals
        )
        yield Gauge("restricted_scaling", reason == "ScaleUpLimit", "reason", "upscale_capping")
        yield Gauge("restricted_scaling", reason == "ScaleDownLimit", "reason", "downscale_capping")
        yield Gauge("restricted_scaling", within, "reason", "within_bounds")
        by_fleet = decision.rule in FLEET_RULES
        yield Gauge("restricted_scaling", by_fleet, "reason", "fleet_breaker")
    if decision.windows is not None:
        up, down = decision.windows.up / SECOND, decision.windows.down / SECOND
        yield Gauge("transition_countdown", up, "transition", "upscale")
        yield Gauge("transition_countdown", down, "transition", "downscale")
