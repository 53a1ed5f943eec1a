"""The conditions that a decision leaves on its object (wpa-behaviour §16, D13, D14, D17, D25, D26).

The final set is computed once; a condition that the decision says nothing about keeps its state.
Types, reasons and texts are upstream's, typos included, because tools match on them.
"""

from typing import Final, Literal

from msgspec import Struct

from kube.vocab.conditions import Condition, condition
from kube.vocab.times import Millis, format_rfc3339
from scaler.core.band import narrow_band
from scaler.core.messages import (
    failure_reason,
    failure_text,
    limit_text,
    not_scaling_text,
    reference,
    unavailable_text,
)
from scaler.core.observed import Timer
from scaler.core.spec import Spec
from scaler.core.timing import Windows
from scaler.core.trace import FLEET_RULES, Decision
from scaler.core.wire import AutoscalerStatus

ApplyKind = Literal["none", "dry_run", "scaled", "failed"]


class Applied(Struct, frozen=True, array_like=True, gc=False):
    """What came of a decision: nothing to do, held back by dry-run, written, or refused."""

    kind: ApplyKind = "none"
    error: str = ""


class Draft(Struct, frozen=True, gc=False):
    """A condition before its time is known; `since` where a timer owns the time."""

    type: str
    holds: bool
    reason: str
    message: str
    since: Millis | None = None


NARROW: Final = "WatermarksTooClose"
"""A condition type of ours; upstream has none like it."""
FLEET_BREAKER: Final = "FleetBreaker"
"""A reason of ours for `ScalingLimited`: other autoscalers' metrics hold this one back."""
_DOWN_TO_HIGH: Final = "Allow downscaling to converge to the High Watermark"
_UP_TO_LOW: Final = "Allow upscaling to converge to the Low Watermark"
_ONLY_STABLE: Final = "Converging to Watermark only allowed in stable regime"
_BETWEEN: Final = "Value between Watermarks"
_UNSTABLE: Final = "Proposal could lead to an unstable regime"
_BROKEN: Final = "Error happened while processing the WPA"
_ORDER: Final = (
    "ScalingActive",
    "AbleToScale",
    "ScalingLimited",
    "DryRun",
    "AboveHighWatermark",
    "BelowLowWatermark",
    "ConvergeToWatermark",
    "ScalingBlocked",
    NARROW,
)


def drafts(spec: Spec, decision: Decision, applied: Applied, *, quiet: bool = False) -> list[Draft]:
    """The conditions that `decision` sets, in upstream's order of writing (the last one counts).

    `quiet` is the flag --skipNotScalingEvents: not scaling becomes a condition instead of an event.
    """
    if not decision.target_seen:
        return [*_band(spec), *_unseen(spec, decision)]
    found = [*_band(spec), *_blocked(spec, decision), _dry_run(spec)]
    able = [_able(decision, applied)]
    if decision.evaluated:
        found += [*_converge(spec, decision), *_marks(decision)]
    found += _active(spec, decision)
    if decision.limited is not None:
        found.append(_limited(spec, decision))
    at_end = decision.scales or able[0].reason.startswith("Backoff")
    found = found + able if at_end else able + found
    if quiet and decision.evaluated and applied.kind == "none":
        found.append(Draft("ScalingActive", True, "NotScaling", not_scaling_text(spec, decision)))
    return found


def refusal(message: str) -> list[Draft]:
    """The conditions of an object whose specification is not valid."""
    return [
        Draft("ScalingActive", False, "FailedProcessWPA", _BROKEN),
        Draft("AbleToScale", False, "FailedSpecCheck", f"Invalid WPA specification: {message}"),
    ]


def merge(
    written: list[Draft], before: AutoscalerStatus, at: Millis
) -> tuple[tuple[Condition, ...], Condition]:
    """All conditions after `written`, newest transition first, and the one written last."""
    stored = {entry.type: entry for entry in before.conditions or ()}
    if all(draft.type != NARROW for draft in written):
        # Ours, and there only while there is something to warn of.
        stored.pop(NARROW, None)
    last = Condition()
    for draft in written:
        last = _stamped(draft, stored.get(draft.type), before, at)
        stored[draft.type] = last
    known = {kind: index for index, kind in enumerate(_ORDER)}
    ordered = sorted(stored.values(), key=lambda entry: known.get(entry.type, len(_ORDER)))
    ordered.sort(key=lambda entry: entry.last_transition_time or "", reverse=True)
    return tuple(ordered), last


def _stamped(
    draft: Draft, stored: Condition | None, before: AutoscalerStatus, at: Millis
) -> Condition:
    if draft.since is not None:
        status = "True" if draft.holds else "False"
        since = format_rfc3339(draft.since)
        return Condition(draft.type, status, since, draft.reason, draft.message)
    original = before.condition(draft.type) or stored
    return condition(draft.type, draft.holds, draft.reason, draft.message, at=at, before=original)


def _band(spec: Spec) -> list[Draft]:
    """The warning that a constant load need not come to rest, with its remedy."""
    text = narrow_band(spec)
    return [Draft(NARROW, True, "CountCanSwing", text)] if text else []


def _unseen(spec: Spec, decision: Decision) -> list[Draft]:
    """As far as upstream gets: its passes begin with ScalingActive False (§7)."""
    begun = Draft("ScalingActive", False, "FailedProcessWPA", _BROKEN)
    found = [begun, *_blocked(spec, decision)]
    if decision.rule == "target_unreadable":
        text = f"{_BROKEN}: {decision.binding.detail}"
        found.append(Draft("AbleToScale", False, "FailedProcessWPA", text))
    return found


def _blocked(spec: Spec, decision: Decision) -> list[Draft]:
    """What lifecycle control says (§19); where it is off its last word stands, as upstream's."""
    kind, failed = "ScalingBlocked", "FailedGetDatadogMonitor"
    monitor, problem = decision.monitor, spec.lifecycle.problem
    if monitor is not None:
        text = monitor.told(f"{spec.namespace}/{spec.name}")
        if monitor.blocks is None:
            return [Draft(kind, False, "DatadogMonitorOK", text)]
        reason = "DatadogMonitorNotOK" if monitor.blocks == "monitor_not_ok" else failed
        return [Draft(kind, True, reason, text)]
    if problem:
        text = f"Lifecycle Control is not correctly enabled: {problem}"
        return [Draft(kind, False, failed, text)]
    return []


def _dry_run(spec: Spec) -> Draft:
    if spec.dry_run:
        text = "Scaling changes won't be applied"
        if spec.gives_way_to:
            text += f": {spec.gives_way_to} sets the replica count of {reference(spec)}"
        return Draft("DryRun", True, "DryRun mode enabled", text)
    return Draft("DryRun", False, "DryRun mode disabled", "Scaling changes can be applied")


def _able(decision: Decision, applied: Applied) -> Draft:
    match applied.kind:
        case "scaled":
            text = f"the WPA controller was able to update the target scale to {decision.desired}"
            return Draft("AbleToScale", True, "SuccessfulScale", text)
        case "failed":
            text = f"the WPA controller was unable to update the target scale: {applied.error}"
            return Draft("AbleToScale", False, "FailedScale", text)
        case "dry_run":
            text = "the last scaling time was sufficiently old as to warrant a new scale"
            return Draft("AbleToScale", True, "ReadyForScale", text)
        case "none":
            return _waiting(decision)


def _waiting(decision: Decision) -> Draft:
    open_in = decision.windows or Windows()
    text = "the time since the previous scale is still within "
    match (open_in.up > 0, open_in.down > 0):
        case (True, True):
            text += "both the downscale and upscale forbidden windows"
            return Draft("AbleToScale", False, "BackoffBoth", text)
        case (True, False):
            return Draft(
                "AbleToScale", False, "BackoffUpscale", text + "the upscale forbidden window"
            )
        case (False, True):
            text += "the downscale forbidden window"
            return Draft("AbleToScale", False, "BackoffDownscale", text)
        case _:
            text = "the WPA controller was able to get the target's current scale"
            return Draft("AbleToScale", True, "SucceededGetScale", text)


def _converge(spec: Spec, decision: Decision) -> list[Draft]:
    """Whether the winning metric drifts towards a mark; an untolerated zero says nothing (§16).

    Inside the marks nobody knows while a metric is missing, which blocks convergence (D13).
    """
    best = None if decision.winner is None else decision.proposals[decision.winner]
    if best is None or best.region == "zero":
        return []
    kind = "ConvergeToWatermark"
    if best.region == "above":
        return [Draft(kind, False, _DOWN_TO_HIGH, _ONLY_STABLE)]
    if best.region == "below":
        return [Draft(kind, False, _ONLY_STABLE, _ONLY_STABLE)]
    # A recommendation that moves inside its bounds: there is nothing to converge from.
    moves = best.replicas != decision.current and best.convergence == "off"
    unknown = decision.unavailable and spec.converge is not None
    if moves or unknown:
        return []
    if best.convergence == "off":
        return [Draft(kind, False, "Feature not enabled", _BETWEEN)]
    taken = best.convergence == "taken"
    reason = _DOWN_TO_HIGH if spec.converge == "high" else _UP_TO_LOW
    return [Draft(kind, taken, reason, _BETWEEN if taken else _UNSTABLE)]


def _marks(decision: Decision) -> list[Draft]:
    """The two conditions that are the delays' memory: their times are the timers' (D15)."""
    above = "Allow upscaling if the value stays over the Watermark"
    below = "Allow downscaling if the value stays under the Watermark"
    return [
        *_mark("AboveHighWatermark", decision.memory.above, "Value above High Watermark", above),
        *_mark("BelowLowWatermark", decision.memory.below, "Value above Low Watermark", below),
    ]


def _mark(kind: str, timer: Timer, reason: str, message: str) -> list[Draft]:
    if timer.since is None:
        return []
    return [Draft(kind, timer.holds, reason, message, timer.since)]


def _active(spec: Spec, decision: Decision) -> list[Draft]:
    detail = decision.binding.detail
    if decision.rule in ("above_max_replicas", "below_min_replicas"):
        return []
    if decision.rule == "scaling_disabled":
        text = "scaling is disabled since the replica count of the target is zero"
        return [Draft("ScalingActive", False, "ScalingDisabled", text)]
    if decision.rule == "no_running_replicas":
        return [Draft("ScalingActive", False, "NoRunningReplicas", detail)]
    if decision.rule == "invalid_selector":
        return [Draft("ScalingActive", False, "InvalidSelector", detail)]
    if decision.winner is None:
        text = f"the WPA was unable to compute the replica count: {failure_text(spec, decision)}"
        return [Draft("ScalingActive", False, failure_reason(spec, decision), text)]
    text = (
        "the WPA was able to successfully calculate a replica count from "
        f"{spec.signals[decision.winner].display}"
    )
    advice = decision.readings[decision.winner].advice
    if advice is not None and advice.reason:
        text += f" because: {advice.reason}"
    text += unavailable_text(decision)
    return [Draft("ScalingActive", True, "ValidMetricFound", text)]


def _limited(spec: Spec, decision: Decision) -> Draft:
    assert decision.limited is not None
    if decision.rule in FLEET_RULES:
        return Draft("ScalingLimited", True, FLEET_BREAKER, decision.binding.detail)
    reason, text = decision.limited.reason, limit_text(spec, decision.limited.reason)
    return Draft("ScalingLimited", decision.limited.limited, reason, text)
