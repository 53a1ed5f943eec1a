"""The status that a decision leaves, and whether it is worth a write (wpa-behaviour §5, D22)."""

from typing import Literal

from msgspec import structs

from kube.vocab.quantity import format_milli
from kube.vocab.selectors import LabelSelector
from kube.vocab.times import Millis, format_rfc3339, moment_of, whole_seconds
from scaler.core.conditions import Applied, Draft, drafts, merge, refusal
from scaler.core.observed import Memory, Timer
from scaler.core.recommender import Recommender
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.trace import Decision
from scaler.core.wire import AutoscalerStatus, ExternalStatus, MetricStatus, ResourceStatus

Change = Literal["none", "values", "decision"]
"""Nothing a reader can see; only numbers and texts; or a decision or a condition."""


def status_after(
    spec: Spec,
    decision: Decision,
    applied: Applied,
    before: AutoscalerStatus,
    *,
    generation: int = 0,
    quiet: bool = False,
) -> AutoscalerStatus:
    """The whole status after `decision` and what came of it."""
    written = drafts(spec, decision, applied, quiet=quiet)
    status = _with_conditions(before, written, decision.at, generation)
    if not decision.target_seen:
        return status
    status = structs.replace(status, current_replicas=decision.running)
    untold = _untold(before, decision)
    if untold is not None:
        status = _scaled(status, untold)
    if applied.kind == "failed" or decision.failed:
        return status
    if decision.evaluated:
        status = structs.replace(status, current_metrics=_metrics(spec, decision))
    if applied.kind == "scaled":
        status = _scaled(status, decision.at)
    return structs.replace(status, desired_replicas=decision.desired)


def status_of_refusal(
    message: str, before: AutoscalerStatus, at: Millis, *, generation: int = 0
) -> AutoscalerStatus:
    """The whole status of an object whose specification is not valid."""
    return _with_conditions(before, refusal(message), at, generation)


def memory_after(decision: Decision, applied: Applied) -> Memory:
    """What the next evaluation remembers; only a written scale starts the windows (D18)."""
    if applied.kind != "scaled":
        return decision.memory
    return structs.replace(decision.memory, last_scale=whole_seconds(decision.at))


def memory_of(status: AutoscalerStatus, now: Millis, last_looks: Millis | None = None) -> Memory:
    """The memory that a stored status holds, for the first evaluation after a start (D15).

    Times in the future cannot have happened: they are read as `now`. `last_looks` is until when
    the previous holder is known to have looked; in the future it tells nothing.
    """
    if last_looks is not None and last_looks > now:
        last_looks = None
    active = status.condition("ScalingActive")
    seen = last_looks
    if active is not None and not active.is_true:
        seen = _moment(active.last_transition_time, now) or last_looks
    return Memory(
        last_scale=_moment(status.last_scale_time, now),
        above=_timer(status, "AboveHighWatermark", now),
        below=_timer(status, "BelowLowWatermark", now),
        above_seen=seen,
        below_seen=seen,
    )


def with_scaling(memory: Memory, written: Millis | None, now: Millis) -> Memory:
    """The memory once the target tells that its count was decided on at `written` (D24).

    That is later than what the status says where whoever wrote it never came to say so. A time in
    the future is `now`.
    """
    if written is None or written <= (memory.last_scale or 0):
        return memory
    return structs.replace(memory, last_scale=min(written, whole_seconds(now)))


def memory_moved(memory: Memory, by: Millis) -> Memory:
    """The memory after the wall clock jumped by `by`: windows and delays last as long as before.

    A jump forward may be time that passed, while the machine was suspended. So it is a gap in the
    evidence for shrinking (D15, D40), and taken off the delay of growth as a gap would be.
    """
    return Memory(
        _moved(memory.last_scale, by),
        Timer(memory.above.holds, _moved(memory.above.since, by)),
        Timer(memory.below.holds, _moved(memory.below.since, by)),
        _moved(memory.above_seen, by),
        _moved(memory.below_seen, min(by, 0)),
    )


def status_moved(status: AutoscalerStatus, by: Millis) -> AutoscalerStatus:
    """The status whose time of the last scaling moved along, for whoever reads it after us."""
    last = moment_of(status.last_scale_time)
    if last is None:
        return status
    return structs.replace(status, last_scale_time=format_rfc3339(last + by))


def times_ahead(status: AutoscalerStatus, now: Millis) -> tuple[str, ...]:
    """What a stored status dates in the future, as `field time`: `memory_of` reads it as `now`."""
    dated = {"lastScaleTime": status.last_scale_time} | {
        f"lastTransitionTime of {entry.type}": entry.last_transition_time
        for entry in status.conditions or ()
    }
    return tuple(f"{field} {text}" for field, text in dated.items() if text and _ahead(text, now))


def change(before: AutoscalerStatus | None, after: AutoscalerStatus) -> Change:
    """How much of a difference a reader would see between two statuses."""
    if before == after:
        return "none"
    if before is None or _essence(before) != _essence(after):
        return "decision"
    return "values"


def _essence(status: AutoscalerStatus) -> AutoscalerStatus:
    """The status without the parts that move with every sample."""
    conditions = tuple(structs.replace(entry, message="") for entry in status.conditions or ())
    return structs.replace(status, current_metrics=None, conditions=conditions)


def _with_conditions(
    before: AutoscalerStatus, written: list[Draft], at: Millis, generation: int
) -> AutoscalerStatus:
    conditions, last = merge(written, before, at)
    return structs.replace(
        before,
        conditions=conditions,
        last_condition_type=last.type,
        last_condition_state=last.status,
        observed_generation=generation or before.observed_generation,
    )


def _scaled(status: AutoscalerStatus, at: Millis) -> AutoscalerStatus:
    return structs.replace(
        status,
        last_scale_time=format_rfc3339(at),
        scaling_events_count=min(status.scaling_events_count + 1, HIGHEST_COUNT),
    )


def _untold(before: AutoscalerStatus, decision: Decision) -> Millis | None:
    """When a scaling was made whose own status write got lost (D24)."""
    known = decision.memory.last_scale
    if known is None or known <= (_moment(before.last_scale_time, decision.at) or 0):
        return None
    return known


def _metrics(spec: Spec, decision: Decision) -> tuple[MetricStatus, ...]:
    found: list[MetricStatus] = []
    for signal, proposal in zip(spec.signals, decision.proposals, strict=True):
        if proposal is None:
            continue
        value = format_milli(proposal.usage)
        if isinstance(signal, Recommender):
            # Upstream's shape, in which type and block do not agree (wpa-behaviour §5).
            block = ExternalStatus(signal.name, LabelSelector(), value)
            found.append(MetricStatus("Resource", external=block))
        elif signal.kind == "External":
            block = ExternalStatus(signal.name, signal.wire_selector, value)
            found.append(MetricStatus("External", external=block))
        else:
            found.append(MetricStatus("Resource", resource=ResourceStatus(signal.name, value)))
    return tuple(found)


def _timer(status: AutoscalerStatus, kind: str, now: Millis) -> Timer:
    stored = status.condition(kind)
    if stored is None:
        return Timer()
    since = _moment(stored.last_transition_time, now)
    # A condition that holds without a readable start is only known to hold from now on.
    return Timer(stored.is_true, whole_seconds(now) if since is None else since)


def _moved(moment: Millis | None, by: Millis) -> Millis | None:
    return None if moment is None else moment + by


def _ahead(text: str, now: Millis) -> bool:
    then = moment_of(text)
    return then is not None and then > now


def _moment(text: str | None, now: Millis) -> Millis | None:
    then = moment_of(text)
    return None if then is None else min(then, whole_seconds(now))
