"""What a WatermarkPodAutoscaler asks for: defaulted, validated, in exact numbers.

Defaults are applied here and never written back (D21). Validation follows wpa-behaviour §4 in
upstream's order and with upstream's texts, plus D10, D28 and D33.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import fields

from scaler.core.lifecycle import Lifecycle, read_lifecycle
from scaler.core.metric_spec import InvalidSpec, Metric, quantity_field, read_metrics
from scaler.core.recommender import Recommender, read_recommender
from scaler.core.wire import Autoscaler, AutoscalerSpec, TargetReference

SKIP_OWNER_CHECK: Final = "wpa.datadoghq.com/skip-owner-check"
MAX_SAMPLE_AGE: Final = "wpa.datadoghq.com/max-sample-age"

DEFAULT_TOLERANCE: Final = 100
DEFAULT_UP_FACTOR: Final = 50_000
DEFAULT_DOWN_FACTOR: Final = 20_000
DEFAULT_UP_WINDOW: Final = 60
DEFAULT_DOWN_WINDOW: Final = 300
HIGHEST_COUNT: Final = 2**31 - 1
"""Replica counts, like all whole numbers of the object, are int32 in Kubernetes; proposals that are
larger saturate here."""

_WHOLE_SECONDS: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)

Converge = Literal["high", "low"]

_CONVERGE: Final[Mapping[str, Converge]] = {"highwatermark": "high", "lowwatermark": "low"}


class Spec(Struct, frozen=True, gc=False):
    """A valid specification. Factors and tolerance are in thousandths, times in seconds."""

    namespace: str
    name: str
    target: TargetReference
    max_replicas: int
    metrics: tuple[Metric, ...]
    min_replicas: int = 1
    recommender: Recommender | None = None
    average: bool = False
    tolerance: int = DEFAULT_TOLERANCE
    up_factor: int = DEFAULT_UP_FACTOR
    down_factor: int = DEFAULT_DOWN_FACTOR
    up_window: int = DEFAULT_UP_WINDOW
    down_window: int = DEFAULT_DOWN_WINDOW
    up_delay: int = 0
    down_delay: int = 0
    modulo: int = 1
    converge: Converge | None = None
    dry_run: bool = False
    tolerate_zero: bool = False
    min_available: int = 0
    readiness_delay: int = 0
    skip_owner_check: bool = False
    max_sample_age: int | None = None
    lifecycle: Lifecycle = Lifecycle()
    gives_way_to: str = ""
    """Who else sets the target's count and makes this one a dry run (D37): seen, not asked for."""

    @property
    def signals(self) -> tuple[Metric | Recommender, ...]:
        """What is asked for evidence: the metrics in their order, or the one recommender."""
        return self.metrics if self.recommender is None else (self.recommender,)

    @property
    def multiplies_pods(self) -> bool:
        """Whether a proposal grows with the number of pods, at the same value of a metric (D2)."""
        if self.recommender is not None:
            return False
        return not self.average or any(one.kind == "Resource" for one in self.metrics)


def read_spec(autoscaler: Autoscaler) -> Spec:
    """The specification of `autoscaler`. Raises InvalidSpec for the first rule that fails (§4)."""
    wire = autoscaler.spec
    _check_numbers(wire)
    _check_target(wire.scale_target_ref)
    low, high = _bounds(wire)
    tolerance = _tolerance(wire)
    up_factor, down_factor = _factors(wire)
    metrics = read_metrics(autoscaler)
    annotations = autoscaler.metadata.annotations or {}
    return Spec(
        namespace=autoscaler.metadata.namespace,
        name=autoscaler.metadata.name,
        target=wire.scale_target_ref,
        min_replicas=low,
        max_replicas=high,
        metrics=metrics,
        recommender=read_recommender(wire.recommender),
        average=wire.algorithm == "average",
        tolerance=tolerance,
        up_factor=up_factor,
        down_factor=down_factor,
        up_window=wire.upscale_forbidden_window_seconds or DEFAULT_UP_WINDOW,
        down_window=wire.downscale_forbidden_window_seconds or DEFAULT_DOWN_WINDOW,
        up_delay=wire.upscale_delay_above_watermark_seconds or 0,
        down_delay=wire.downscale_delay_below_watermark_seconds or 0,
        modulo=max(1, wire.replica_scaling_absolute_modulo or 1),
        converge=_CONVERGE.get(wire.converge_towards_watermark or ""),
        dry_run=bool(wire.dry_run),
        tolerate_zero=bool(wire.tolerate_zero),
        min_available=wire.min_available_replica_percentage or 0,
        readiness_delay=wire.readiness_delay_seconds or 0,
        skip_owner_check=annotations.get(SKIP_OWNER_CHECK) == "true",
        max_sample_age=_sample_age(annotations),
        lifecycle=read_lifecycle(annotations),
    )


_NUMBERS: Final = tuple(
    (each.name, each.encode_name) for each in fields(AutoscalerSpec) if each.type == int | None
)


def _check_numbers(wire: AutoscalerSpec) -> None:
    """Upstream cannot read an object with a number beyond int32, nor the others then (U46)."""
    for name, title in _NUMBERS:
        number = getattr(wire, name)
        if number is not None and not -HIGHEST_COUNT - 1 <= number <= HIGHEST_COUNT:
            raise InvalidSpec(
                f"spec.{title}: {number} is no 32-bit number; the largest is {HIGHEST_COUNT}"
            )


def _check_target(target: TargetReference) -> None:
    if not target.kind or not target.name:
        raise InvalidSpec(
            f"the Spec.ScaleTargetRef should be populated, currently Kind:{target.kind} and/or "
            f"Name:{target.name} are not set properly"
        )


def _bounds(wire: AutoscalerSpec) -> tuple[int, int]:
    low = max(1, 1 if wire.min_replicas is None else wire.min_replicas)
    high = wire.max_replicas or 0
    if high < low:
        raise InvalidSpec(
            "watermark pod autoscaler requires the minimum number of replicas to be configured and "
            "inferior to the maximum"
        )
    return low, high


def _tolerance(wire: AutoscalerSpec) -> int:
    tolerance = quantity_field("spec.tolerance", wire.tolerance)
    if tolerance is None:
        return DEFAULT_TOLERANCE
    if not 0 <= tolerance.milli <= 1000:
        raise InvalidSpec(
            "tolerance should be set as a quantity between 0 and 1, currently set to : "
            f"{tolerance}, which is {_rounded(tolerance.milli, 10)}%"
        )
    return tolerance.milli


def _factors(wire: AutoscalerSpec) -> tuple[int, int]:
    up = quantity_field("spec.scaleUpLimitFactor", wire.scale_up_limit_factor)
    down = quantity_field("spec.scaleDownLimitFactor", wire.scale_down_limit_factor)
    if up is not None and up.milli < 0:
        raise InvalidSpec(
            "scaleuplimitfactor should be set as a positive quantity, currently set to : "
            f"{up}, which could yield a {_rounded(up.milli, 1000)}% growth"
        )
    if down is not None and not 0 <= down.milli < 100_000:
        raise InvalidSpec(
            "scaledownlimitfactor should be set as a quantity between 0 and 100 (exc.), currently "
            f"set to : {down}, which could yield a {_rounded(down.milli, 1000)}% decrease"
        )
    return (
        DEFAULT_UP_FACTOR if up is None else up.milli,
        DEFAULT_DOWN_FACTOR if down is None else down.milli,
    )


def _sample_age(annotations: Mapping[str, str]) -> int | None:
    text = annotations.get(MAX_SAMPLE_AGE)
    if text is None:
        return None
    if not _WHOLE_SECONDS.fullmatch(text):
        raise InvalidSpec(
            f"annotation {MAX_SAMPLE_AGE}: {text!r} is not a number of seconds above 0"
        )
    return int(text)


def _rounded(milli: int, divisor: int) -> int:
    """`milli / divisor` to the nearest whole number, halves to even."""
    whole, rest = divmod(milli, divisor)
    return whole + (2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1))
