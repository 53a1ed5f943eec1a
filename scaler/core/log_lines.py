"""The log lines of a decision, under upstream's messages and keys (wpa-behaviour §24, W-G01-W-G14).

Upstream writes most of these every 15 seconds. Here they are at info when the decision changes and
at debug otherwise, as events are (D23); a scaling is always at info.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

from kube.vocab.times import SECOND, Millis, format_rfc3339
from scaler.core.conditions import Applied
from scaler.core.limits import highest_step, lowest_step
from scaler.core.log_signals import Said, signal_lines
from scaler.core.messages import compute_failure_text, limit_text, reference
from scaler.core.sentence import sentence
from scaler.core.spec import Spec
from scaler.core.timing import Windows
from scaler.core.trace import Decision

Level = Literal["debug", "info", "error"]

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


def _course(spec: Spec, decision: Decision) -> Iterator[Said]:
    if not decision.target_seen:
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
        yield from signal_lines(spec, decision, index, reading)
    yield from _limits(spec, decision)
    if decision.evaluated and decision.windows is not None:
        yield from _timing(spec, decision, decision.windows)


def _limits(spec: Spec, decision: Decision) -> Iterator[Said]:
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


def _timing(spec: Spec, decision: Decision, windows: Windows) -> Iterator[Said]:
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


def _failure(spec: Spec, decision: Decision) -> Iterator[Said]:
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
