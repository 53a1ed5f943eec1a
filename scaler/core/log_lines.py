"""The log lines of a decision, under upstream's messages and keys (wpa-behaviour §24, W-G01-W-G14).

Upstream writes most of these every 15 seconds. Here they are at info when the decision changes and
at debug otherwise, as events are (D23); a scaling is always at info.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import Struct

from kube.vocab.quantity import format_milli
from kube.vocab.times import SECOND, Millis, format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.limits import highest_step, lowest_step
from scaler.core.messages import compute_failure_text, limit_text, reading_text, reference
from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.timing import Windows
from scaler.core.trace import Decision
from scaler.core.watermarks import Proposal

Level = Literal["debug", "info", "error"]

_REGION: Final = {
    "above": "Value is above highMark",
    "below": "Value is below lowMark",
    "inside": "Within bounds of the watermarks",
}
_NO_CHANGE: Final = "Will not scale: number of replicas has not changed"
_TOO_SHORT: Final = "Will not scale: value has not been out of bounds for long enough"
_OUTCOME: Final = {
    "scaled": "Successful rescale",
    "failed": "Failed to rescale",
    "dry_run": "DryRun mode: scaling change was inhibited",
    "none": "Decided",
}
_CAPPED_UP: Final = (
    "Upscaling rate higher than limit set by 'ScaleUpLimitFactor', capping the maximum upscale to "
    "'maximumAllowedReplicas'"
)
_CAPPED_DOWN: Final = (
    "Downscaling rate higher than limit set by `scaleDownLimitFactor`, capping the maximum "
    "downscale to 'minimumAllowedReplicas'"
)


class Line(Struct, frozen=True):
    """One line, without what every line about an autoscaler carries."""

    level: Level
    message: str
    fields: dict[str, Any]


def log_lines(spec: Spec, decision: Decision, applied: Applied, *, changed: bool) -> Iterator[Line]:
    """The lines about `decision`, in the order of its rules; the last one is what came of it.

    `changed` says that a reader would call it another decision than the one before.
    """
    level: Level = "info" if changed else "debug"
    trouble: Level = "error" if changed else "debug"
    for message, fields in _course(spec, decision):
        yield Line(level, message, fields)
    for message, fields in _failure(spec, decision):
        yield Line(trouble, message, fields)
    if applied.kind == "failed":
        level = "error"
    elif applied.kind == "scaled":
        level = "info"
    yield Line(level, _OUTCOME[applied.kind], _outcome(spec, decision, applied))


_Said = tuple[str, dict[str, Any]]


def _course(spec: Spec, decision: Decision) -> Iterator[_Said]:
    if decision.rule == "target_unreadable":
        return
    yield "Target deploy", {"replicas": decision.running, "specReplicas": decision.current}
    if decision.pods is not None:
        yield (
            "getReadyPodsCount",
            {
                "full podList length": decision.pods.listed,
                "toleratedAsReadyPodCount": decision.pods.counted,
                "incorrectly targeted pods": decision.pods.foreign,
            },
        )
    for index, reading in enumerate(decision.readings):
        yield from _signal(spec, decision, index, reading)
    yield from _limits(spec, decision)
    if decision.evaluated and decision.windows is not None:
        yield from _timing(spec, decision, decision.windows)


def _signal(spec: Spec, decision: Decision, index: int, reading: Reading) -> Iterator[_Said]:
    """What one metric, or the recommender, has to say."""
    signal = spec.signals[index]
    proposal = decision.proposals[index] if index < len(decision.proposals) else None
    counted = decision.pods.counted if decision.pods else 0
    if not reading.good:
        text = reading_text(reading)
        fields = {"metricName": signal.display, "state": reading.state, "error": text}
        yield "The metric is unavailable", fields
    if isinstance(signal, Metric):
        yield from _values(signal, decision, reading)
        kind = f"{signal.kind} Metric"
    else:
        kind = "Replicas Recommender"
    if proposal is None:
        return
    if isinstance(signal, Metric) and proposal.region != "zero":
        yield _REGION[proposal.region], _comparison(spec, signal, proposal, counted)
    yield (
        f"{kind} replica calculation",
        {
            "metricName": signal.display,
            "replicaCount": proposal.replicas,
            "utilizationQuantity": proposal.usage,
            "timestamp": _rfc1123(reading.at),
            "currentReadyReplicas": counted,
        },
    )
    yield (
        "Proposing replicas",
        {
            "proposedReplicas": proposal.replicas,
            "metricName": signal.display,
            "reference": reference(spec),
            "metric timestamp": _rfc1123(reading.at),
        },
    )


def _values(metric: Metric, decision: Decision, reading: Reading) -> Iterator[_Said]:
    """The sum that was read; upstream lists the series, of which a decision knows the number."""
    if not reading.good:
        return
    if metric.kind == "External":
        fields = {"metrics": [reading.value], "series": reading.series}
        yield "Metrics from the External Metrics Provider", fields
    elif decision.pods is not None:
        pods = decision.pods
        yield (
            "groupPods",
            {
                "ready": reading.series,
                "missing": reading.missing,
                "ignored": pods.listed - pods.foreign - pods.counted,
                "incorrect target": pods.foreign,
            },
        )


def _comparison(spec: Spec, metric: Metric, proposal: Proposal, counted: int) -> dict[str, Any]:
    return {
        "usage": format_milli(proposal.usage),
        "replicaCount": proposal.replicas,
        "currentReadyReplicas": counted,
        "tolerance (%)": _fraction(spec.tolerance, 10),
        "adjustedLM": _fraction(metric.low * (1000 - spec.tolerance), 1000),
        "adjustedHM": _fraction(metric.high * (1000 + spec.tolerance), 1000),
        "adjustedUsage": proposal.usage,
    }


def _limits(spec: Spec, decision: Decision) -> Iterator[_Said]:
    limited = decision.limited
    if limited is None:
        return
    highest, lowest = highest_step(spec, decision.current), lowest_step(spec, decision.current)
    if decision.asked > highest:
        yield (
            _CAPPED_UP,
            {
                "scaleUpLimitFactor": f"{spec.up_factor / 1000:.1f}",
                "wpaMaxReplicas": spec.max_replicas,
                "maximumAllowedReplicas": min(highest, spec.max_replicas),
            },
        )
    elif decision.asked < lowest:
        yield (
            _CAPPED_DOWN,
            {
                "scaleDownLimitFactor": f"{spec.down_factor / 1000:.1f}",
                "wpaMinReplicas": spec.min_replicas,
                "minimumAllowedReplicas": max(lowest, spec.min_replicas),
            },
        )
    if limited.limited:
        fields = {
            "replicas": limited.replicas,
            "condition": limited.reason,
            "reason": limit_text(spec, limited.reason),
        }
        yield "Returning replicas, condition and reason", fields
    yield "Normalized Desired replicas", {"desiredReplicas": limited.replicas}


def _timing(spec: Spec, decision: Decision, windows: Windows) -> Iterator[_Said]:
    last, read = decision.memory.last_scale, _oldest(decision)
    directions = (("up", windows.up, spec.up_window), ("down", windows.down, spec.down_window))
    for direction, left, window in directions:
        if left > 0 and last is not None:
            yield (
                f"Too early to {direction}scale",
                {
                    "lastScaleTime": format_rfc3339(last),
                    f"next{direction.capitalize()}scaleTimestamp": format_rfc3339(
                        last + window * SECOND
                    ),
                    "lastMetricsTimestamp": None if read is None else format_rfc3339(read),
                },
            )
    wanted = decision.limited.replicas if decision.limited else decision.desired
    yield (
        "Cooldown status",
        {
            "backoffUp": windows.up > 0,
            "backoffDown": windows.down > 0,
            "desiredReplicas": wanted,
            "currentReplicas": decision.current,
        },
    )
    for step in decision.steps:
        if step.rule in ("upscale_delay", "downscale_delay"):
            yield _TOO_SHORT, {"time_left": -(-step.wait // SECOND)}
    if wanted == decision.current:
        yield _NO_CHANGE, {}


def _failure(spec: Spec, decision: Decision) -> Iterator[_Said]:
    if decision.rule == "target_unreadable":
        fields = {"reference": reference(spec), "error": decision.binding.detail}
        yield "Error happened while processing the WPA", fields
    elif decision.failed:
        text = compute_failure_text(spec, decision)
        fields = {"reference": reference(spec), "error": text}
        yield "Failed to compute desired number of replicas based on listed metrics.", fields


def _outcome(spec: Spec, decision: Decision, applied: Applied) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "currentReplicas": decision.current,
        "desiredReplicas": decision.desired,
        "rule": decision.rule,
        "decision": sentence(spec, decision, applied),
    }
    if applied.kind in ("scaled", "failed"):
        fields["rescaleReason"] = decision.why
    if applied.error:
        fields["error"] = applied.error
    return fields


def _oldest(decision: Decision) -> Millis | None:
    return min((one.at for one in decision.readings if one.at is not None), default=None)


def _fraction(numerator: int, denominator: int) -> int | float:
    """A whole number as one, however large."""
    whole, rest = divmod(numerator, denominator)
    return numerator / denominator if rest else whole


def _rfc1123(moment: Millis | None) -> str | None:
    """As upstream prints metric times: `Tue, 15 Nov 2022 03:53:20 UTC`; None is unknown."""
    if moment is None:
        return None
    try:
        when = datetime.fromtimestamp(moment // SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return (
        f"{_DAYS[when.weekday()]}, {when.day:02d} {_MONTHS[when.month - 1]} {when:%Y %H:%M:%S} UTC"
    )


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
