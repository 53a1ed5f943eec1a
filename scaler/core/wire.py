"""WatermarkPodAutoscaler objects as they travel (wpa-behaviour §1, §2, §5).

Everything is optional here: objects may predate the rules that the CRD enforces today (D28). What
is required and what is sensible is decided in `scaler.core.spec`.
"""

from typing import Final

from kube.vocab.conditions import Condition
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.selectors import LabelSelector

GROUP: Final = "datadoghq.com"
VERSION: Final = "v1alpha1"
KIND: Final = "WatermarkPodAutoscaler"
PLURAL: Final = "watermarkpodautoscalers"
FINALIZER: Final = "finalizer.watermarkpodautoscaler.datadoghq.com"
"""Upstream's finalizer: never added, removed from an object being deleted (D21)."""

QuantityText = str | int | float
"""A quantity as found in JSON. Floats are not quantities; they are let in to be refused by name."""


class TargetReference(Wire, frozen=True):
    """`spec.scaleTargetRef`."""

    kind: str = ""
    name: str = ""
    api_version: str = ""


class ExternalSource(Wire, frozen=True):
    """`spec.metrics[].external`."""

    metric_name: str = ""
    metric_selector: LabelSelector | None = None
    high_watermark: QuantityText | None = None
    low_watermark: QuantityText | None = None


class ResourceSource(Wire, frozen=True):
    """`spec.metrics[].resource`."""

    name: str = ""
    metric_selector: LabelSelector | None = None
    high_watermark: QuantityText | None = None
    low_watermark: QuantityText | None = None


class MetricSource(Wire, frozen=True):
    """`spec.metrics[]`: only the block named by `type` is used."""

    type: str = ""
    external: ExternalSource | None = None
    resource: ResourceSource | None = None


class TlsConfig(Wire, frozen=True):
    """`spec.recommender.tlsConfig`."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


class RecommenderSource(Wire, frozen=True):
    """`spec.recommender`."""

    url: str = ""
    target_type: str = ""
    high_watermark: QuantityText | None = None
    low_watermark: QuantityText | None = None
    settings: dict[str, str] | None = None
    tls_config: TlsConfig | None = None


class AutoscalerSpec(Wire, frozen=True):
    """`spec`."""

    scale_target_ref: TargetReference = TargetReference()
    min_replicas: int | None = None
    max_replicas: int | None = None
    metrics: tuple[MetricSource, ...] | None = None
    recommender: RecommenderSource | None = None
    algorithm: str | None = None
    tolerance: QuantityText | None = None
    scale_up_limit_factor: QuantityText | None = None
    scale_down_limit_factor: QuantityText | None = None
    upscale_forbidden_window_seconds: int | None = None
    downscale_forbidden_window_seconds: int | None = None
    upscale_delay_above_watermark_seconds: int | None = None
    downscale_delay_below_watermark_seconds: int | None = None
    replica_scaling_absolute_modulo: int | None = None
    converge_towards_watermark: str | None = None
    dry_run: bool | None = None
    tolerate_zero: bool | None = None
    min_available_replica_percentage: int | None = None
    readiness_delay_seconds: int | None = None


class ExternalStatus(Wire, frozen=True, omit_defaults=False):
    """`status.currentMetrics[].external`."""

    metric_name: str = ""
    metric_selector: LabelSelector | None = None
    current_value: str = "0"


class ResourceStatus(Wire, frozen=True, omit_defaults=False):
    """`status.currentMetrics[].resource`."""

    name: str = ""
    current_average_value: str = "0"


class MetricStatus(Wire, frozen=True):
    """`status.currentMetrics[]`."""

    type: str = ""
    external: ExternalStatus | None = None
    resource: ResourceStatus | None = None


class AutoscalerStatus(Wire, frozen=True, omit_defaults=False):
    """`status`. Written whole: both counts are required by the CRD, also when they are 0."""

    current_replicas: int = 0
    desired_replicas: int = 0
    last_scale_time: str | None = None
    scaling_events_count: int = 0
    current_metrics: tuple[MetricStatus, ...] | None = None
    conditions: tuple[Condition, ...] | None = None
    last_condition_type: str = ""
    last_condition_state: str = ""
    observed_generation: int = 0

    def condition(self, kind: str) -> Condition | None:
        """The stored condition of type `kind`."""
        return next((entry for entry in self.conditions or () if entry.type == kind), None)


class Autoscaler(Wire, frozen=True):
    """A whole WatermarkPodAutoscaler."""

    metadata: ObjectMeta = ObjectMeta()
    spec: AutoscalerSpec = AutoscalerSpec()
    status: AutoscalerStatus = AutoscalerStatus()
