"""Specifications and observations for tests, written by hand."""

from typing import Any

import msgspec

from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale, Timer
from scaler.core.spec import Spec, read_spec
from scaler.core.wire import Autoscaler, TargetReference

NOW = 1_800_000_000_000
"""An instant on a whole second."""

TARGET = TargetReference("Deployment", "web", "apps/v1")

BACKLOG: dict[str, Any] = {
    "type": "External",
    "external": {"metricName": "backlog", "highWatermark": "1000", "lowWatermark": "100"},
}


def autoscaler(annotations: dict[str, str] | None = None, **spec: Any) -> Autoscaler:
    """An object as an API server would hand it over; a field given as None is left out."""
    fields = {
        "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
        "maxReplicas": 10,
        "metrics": [BACKLOG],
    } | spec
    return msgspec.convert(
        {
            "metadata": {"namespace": "shop", "name": "web", "annotations": annotations or {}},
            "spec": {key: value for key, value in fields.items() if value is not None},
        },
        Autoscaler,
    )


def external(**fields: Any) -> dict[str, Any]:
    """A metric of type External; a field given as None is left out."""
    block = BACKLOG["external"] | fields
    kept = {key: value for key, value in block.items() if value is not None}
    return {"type": "External", "external": kept}


def resource(**fields: Any) -> dict[str, Any]:
    """A metric of type Resource; a field given as None is left out."""
    block = {"name": "cpu", "highWatermark": "800m", "lowWatermark": "400m"} | fields
    kept = {key: value for key, value in block.items() if value is not None}
    return {"type": "Resource", "resource": kept}


def given_spec(**spec: Any) -> Spec:
    """The specification of `autoscaler(**spec)`."""
    return read_spec(autoscaler(**spec))


def plain_spec(metrics: tuple[Metric, ...] | None = None, **fields: Any) -> Spec:
    """A specification from exact numbers (marks, factors and tolerance in thousandths)."""
    found = metrics or (metric(1_000_000, 100_000),)
    values: dict[str, Any] = {"max_replicas": 1000, "up_factor": 10**9, "down_factor": 99_999}
    return Spec("shop", "web", TARGET, metrics=found, **(values | fields))


def metric(high: int, low: int, name: str = "backlog") -> Metric:
    """An External metric with its marks in thousandths."""
    return Metric("External", name, high, low)


def ready_pods(count: int) -> PodCounts:
    """`count` pods of the target, all of which count."""
    return PodCounts(listed=count, owned=count, ready=count, counted=count)


def good(milli: int) -> Reading:
    """A value to act on."""
    return Reading("ok", milli, 1, NOW)


def missing(state: Any = "error", detail: str = "it broke") -> Reading:
    """A reading without a value."""
    return Reading(state, detail=detail)


def look(current: int, *readings: Reading, pods: PodCounts | None = None, **more: Any) -> Observed:
    """A target at `current` whose pods all count, unless told otherwise."""
    fields: dict[str, Any] = {
        "scale": Scale(current, current, "app=web"),
        "pods": ready_pods(current) if pods is None else pods,
        "readings": readings,
    }
    return Observed(**(fields | more))


def held_for(seconds: float, *, since_scale: float = 10_000) -> Memory:
    """Both marks have been passed for `seconds`, the last scaling is `since_scale` seconds ago."""
    since = NOW - round(seconds * 1000)
    timer = Timer(True, since)
    seen = NOW - 15_000
    return Memory(NOW - round(since_scale * 1000), timer, timer, seen, seen)
