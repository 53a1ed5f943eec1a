"""The signals of a specification, validated: names, selectors, marks (wpa-behaviour §4, 7-12)."""

from typing import Literal

from msgspec import Struct

from kube.vocab.quantity import Quantity, QuantityError
from kube.vocab.selectors import LabelSelector, Selector, SelectorError, selector_of
from scaler.core.wire import (
    Autoscaler,
    ExternalSource,
    MetricSource,
    QuantityText,
    ResourceSource,
)

MetricKind = Literal["External", "Resource"]


class InvalidSpec(ValueError):
    """The object cannot be acted on; the message is upstream's where upstream has one."""


class Metric(Struct, frozen=True, gc=False):
    """One signal with its two marks in thousandths."""

    kind: MetricKind
    name: str
    high: int
    low: int
    selector: Selector = Selector()
    wire_selector: LabelSelector | None = None

    @property
    def display(self) -> str:
        """Name as in upstream's messages: `<name>{map[k:v k2:v2]}`."""
        return f"{self.name}{{{_map_text(self.wire_selector)}}}"


def read_metrics(autoscaler: Autoscaler) -> tuple[Metric, ...]:
    """The metrics in their order; none with a recommender. Raises InvalidSpec."""
    sources = autoscaler.spec.metrics or ()
    if autoscaler.spec.recommender is not None:
        if sources:
            raise InvalidSpec(
                "recommender and metrics can't be set at the same time, please choose one"
            )
        return ()
    if not sources:
        raise InvalidSpec("at least one metric or a recommender is required")
    return tuple(_metric(autoscaler, source) for source in sources)


def _metric(autoscaler: Autoscaler, source: MetricSource) -> Metric:
    block: ExternalSource | ResourceSource
    match source.type:
        case "External":
            if source.external is None:
                raise InvalidSpec("metric.External is nil while metric.Type is 'External'")
            block, name = source.external, source.external.metric_name
        case "Resource":
            if source.resource is None:
                raise InvalidSpec("metric.Resource is nil while metric.Type is 'Resource'")
            block, name = source.resource, source.resource.name
        case other:
            raise InvalidSpec(f"incorrect metric.Type: '{other}'")
    high = quantity_field(f"the high watermark of {name}", block.high_watermark)
    low = quantity_field(f"the low watermark of {name}", block.low_watermark)
    if high is None or low is None:
        high = low = high or low
    if high is None or low is None:
        raise InvalidSpec(
            "watermarks are not set correctly, removing the WPA "
            f"{autoscaler.metadata.namespace}/{autoscaler.metadata.name} from the Reconciler"
        )
    if high.milli < low.milli:
        raise InvalidSpec(
            f"low WaterMark of {source.type} metric {name}{{{_map_text(block.metric_selector)}}} "
            "has to be strictly inferior to the High Watermark"
        )
    if high.milli <= 0:
        raise InvalidSpec(f"the high watermark of {source.type} metric {name} has to be positive")
    if not name:
        raise InvalidSpec(f"a metric of type {source.type} has no name")
    kind: MetricKind = "External" if source.type == "External" else "Resource"
    return Metric(
        kind,
        name,
        high.milli,
        low.milli,
        _selector(name, block.metric_selector),
        block.metric_selector,
    )


def _selector(name: str, wire: LabelSelector | None) -> Selector:
    try:
        return selector_of(wire)
    except SelectorError as error:
        raise InvalidSpec(f"the metricSelector of metric {name} is not valid: {error}") from None


def quantity_field(what: str, value: QuantityText | None) -> Quantity | None:
    """The quantity in field `what`, None where absent. Raises InvalidSpec naming the field."""
    if value is None:
        return None
    try:
        return Quantity.parse(value)  # type: ignore[arg-type]  # floats are refused there, by name
    except QuantityError as error:
        raise InvalidSpec(f"{what}: {error}") from None


def _map_text(selector: LabelSelector | None) -> str:
    labels = (selector.match_labels if selector else None) or {}
    return f"map[{' '.join(f'{key}:{labels[key]}' for key in sorted(labels))}]"
