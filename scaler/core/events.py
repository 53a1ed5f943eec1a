"""The events of a decision (wpa-behaviour §17 with D20, D23).

Scaling is always told. Everything else is told when the decision changes, not every 15 seconds; a
metric that is missing beside others (D13), when it goes missing.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from scaler.core.conditions import Applied
from scaler.core.messages import (
    compute_failure_text,
    failure_reason,
    failure_text,
    not_scaling_event,
    reading_failure_reason,
    reading_failure_text,
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


def events(
    spec: Spec,
    decision: Decision,
    applied: Applied,
    before: Decision | None,
    *,
    quiet: bool = False,
) -> list[EventDraft]:
    """What to tell about `decision`, given the one before. `quiet` leaves `NotScaling` out.

    The one before has to be on the same signals.
    """
    told = _outcome(spec, decision, applied, before, quiet=quiet)
    return [*_missing_beside_others(spec, decision, before), *told]


def _outcome(  # noqa: PLR0911 - a table of outcomes, first match wins
    spec: Spec, decision: Decision, applied: Applied, before: Decision | None, *, quiet: bool
) -> list[EventDraft]:
    text = f"New size: {decision.desired}; reason: {decision.why}"
    if applied.kind == "scaled":
        return [EventDraft("Normal", "Scaling", text, always=True)]
    if applied.kind == "failed":
        text = f"{text}; error: {applied.error}"
        return [EventDraft("Warning", "FailedScale", text, always=True)]
    if before is not None and identity(before) == identity(decision):
        return []
    if not decision.target_seen:
        return _unseen(decision)
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
        decision.monitor.state if decision.monitor else None,
        tuple(reading.state for reading in decision.readings),
    )


def _unseen(decision: Decision) -> list[EventDraft]:
    """Upstream tells of a monitor that cannot be read, not of one that is not OK (§19)."""
    if decision.rule == "target_unreadable":
        return [EventDraft("Warning", "FailedProcessWPA", decision.binding.detail)]
    error = decision.monitor.error if decision.monitor else ""
    return [EventDraft("Warning", "FailedGetDatadogMonitor", error)] if error else []


def _missing_beside_others(
    spec: Spec, decision: Decision, before: Decision | None
) -> Iterator[EventDraft]:
    """Metrics that are missing in a new way, while others let the decision go on (§17, D13)."""
    if not decision.evaluated:
        return
    told = {} if before is None else _told_missing(before)
    for index, state in _told_missing(decision).items():
        if told.get(index) != state:
            reason = reading_failure_reason(spec, index)
            text = reading_failure_text(spec, index, decision.readings[index])
            yield EventDraft("Warning", reason, text)


def _told_missing(decision: Decision) -> dict[int, str]:
    """The states of the missing metrics that `decision` told of, by index: where none has a value
    only of the first, as upstream does.
    """
    bad: dict[int, str] = {
        index: one.state for index, one in enumerate(decision.readings) if not one.good
    }
    return bad if decision.evaluated else dict(list(bad.items())[:1])


def _failure(spec: Spec, decision: Decision) -> list[EventDraft]:
    reason, text = failure_reason(spec, decision), failure_text(spec, decision)
    wrapped = compute_failure_text(spec, decision)
    return [
        EventDraft("Warning", reason, text),
        EventDraft("Warning", "FailedComputeMetricsReplicas", wrapped),
    ]
