"""The events of a decision (wpa-behaviour §17 with D20, D23).

Scaling is always told. Everything else is told when the decision changes, not every 15 seconds.
"""

from typing import Literal

from msgspec import Struct

from scaler.core.conditions import Applied
from scaler.core.messages import (
    compute_failure_text,
    failure_reason,
    failure_text,
    not_scaling_event,
)
from scaler.core.spec import Spec
from scaler.core.trace import Decision

EventType = Literal["Normal", "Warning"]


class EventDraft(Struct, frozen=True, gc=False):
    """An event on the autoscaler; `always` for one that must never be dropped or merged away."""

    type: EventType
    reason: str
    message: str
    always: bool = False


def events(  # noqa: PLR0911 - a table of outcomes, first match wins
    spec: Spec,
    decision: Decision,
    applied: Applied,
    before: Decision | None,
    *,
    quiet: bool = False,
) -> list[EventDraft]:
    """What to tell about `decision`, given the one before. `quiet` leaves `NotScaling` out."""
    text = f"New size: {decision.desired}; reason: {decision.why}"
    if applied.kind == "scaled":
        return [EventDraft("Normal", "Scaling", text, always=True)]
    if applied.kind == "failed":
        text = f"{text}; error: {applied.error}"
        return [EventDraft("Warning", "FailedScale", text, always=True)]
    if before is not None and identity(before) == identity(decision):
        return []
    if decision.rule == "target_unreadable":
        return [EventDraft("Warning", "FailedProcessWPA", decision.binding.detail)]
    if decision.failed:
        return _failure(spec, decision)
    if quiet or applied.kind == "dry_run":
        return []
    return [EventDraft("Normal", "NotScaling", not_scaling_event(spec, decision))]


def identity(decision: Decision) -> tuple[object, ...]:
    """What makes two decisions the same to a reader: rule, counts, states; not values or times."""
    return (
        decision.rule,
        decision.current,
        decision.desired,
        tuple(reading.state for reading in decision.readings),
    )


def _failure(spec: Spec, decision: Decision) -> list[EventDraft]:
    reason, text = failure_reason(spec, decision), failure_text(spec, decision)
    wrapped = compute_failure_text(spec, decision)
    return [
        EventDraft("Warning", reason, text),
        EventDraft("Warning", "FailedComputeMetricsReplicas", wrapped),
    ]
