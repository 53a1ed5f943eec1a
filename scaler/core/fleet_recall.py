"""What an object's status tells of its metrics to a scaler that has not evaluated it yet.

A new leader must neither thaw what its predecessor froze nor freeze what was well: so it counts an
object as its status says, until its own first evaluation. `currentMetrics` has each metric that had
a value when a count was computed last; `ScalingActive` says whether that is so now.
"""

from kube.vocab.times import Millis, moment_of
from scaler.core.conditions import FLEET_BREAKER
from scaler.core.fleet_evidence import Health, Recalled
from scaler.core.messages import missing_names, tells_of_a_signal
from scaler.core.spec import Spec
from scaler.core.wire import AutoscalerStatus, MetricStatus


def recall(uid: str, spec: Spec, status: AutoscalerStatus, now: Millis) -> Recalled:
    """The state of every signal of `spec`, as far as `status` tells."""
    there = {_name(metric) for metric in status.current_metrics or ()}
    active = status.condition("ScalingActive")
    limited = status.condition("ScalingLimited")
    known: Health = "dormant"
    missing: tuple[str, ...] = ()
    since = 0
    if active is not None and active.is_true:
        known, missing = "fresh", missing_names(spec, active.message)
    elif active is not None and tells_of_a_signal(spec, active.message):
        known, missing = "degraded", tuple(signal.name for signal in spec.signals)
        since = _age(active.last_transition_time, now)
    names = [signal.name for signal in spec.signals]
    return Recalled(
        uid,
        f"{spec.namespace}/{spec.name}",
        spec.signals,
        tuple(known if name in there else "unknown" for name in names),
        replicas=0 if spec.dry_run else status.current_replicas,
        doubtful=frozenset(
            index for index, name in enumerate(names) if name in missing and name not in there
        ),
        degraded_for=since,
        held=limited is not None and limited.is_true and limited.reason == FLEET_BREAKER,
    )


def _name(metric: MetricStatus) -> str:
    if metric.external is not None:
        return metric.external.metric_name
    return metric.resource.name if metric.resource is not None else ""


def _age(text: str | None, now: Millis) -> int:
    """Milliseconds since then; 0 where that is not known."""
    then = moment_of(text)
    return 0 if then is None else max(0, now - then)
