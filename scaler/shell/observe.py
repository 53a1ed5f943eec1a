"""One look at the world for one autoscaler: target, pods, metrics, each only if it has a say."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct, structs

from kube.client.discovery import NoKindMatch, NotScalable
from kube.client.errors import ApiError, KubeError
from kube.vocab.selectors import SelectorError, parse_selector
from kube.vocab.times import Millis
from scaler.core.decision import needs_metrics
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, Reading
from scaler.core.spec import Spec
from scaler.core.wire import TargetReference
from scaler.shell.externals import ExternalMetrics
from scaler.shell.podlist import PodCounter, describe
from scaler.shell.scales import ScaleObject, Scales


class Sight(Struct, frozen=True):
    """What was seen, and the scale to write to."""

    observed: Observed
    scale: ScaleObject | None


class Observer:
    """Gathers what a decision looks at."""

    def __init__(
        self, scales: Scales, pods: PodCounter, externals: ExternalMetrics, period: int
    ) -> None:
        """`period` is the time between two evaluations, in milliseconds."""
        self._scales = scales
        self._pods = pods
        self._externals = externals
        self._period = period

    async def observe(self, spec: Spec, memory: Memory, now: Millis) -> Sight:
        """Never raises for what the API server says: failures are part of what is seen."""
        observed = Observed(memory=memory, period=self._period)
        try:
            scale = await self._scales.read(spec.namespace, spec.target)
        except (KubeError, ValueError) as error:
            text = _scale_text(spec.target, error)
            return Sight(structs.replace(observed, scale_error=text), None)
        observed = structs.replace(observed, scale=scale.scale)
        observed = await self._with_pods(spec, observed, scale, now)
        if needs_metrics(spec, observed, now):
            readings = await self._readings(spec, now)
            observed = structs.replace(observed, readings=readings)
        return Sight(observed, scale)

    async def _with_pods(
        self, spec: Spec, observed: Observed, scale: ScaleObject, now: Millis
    ) -> Observed:
        if scale.scale.spec_replicas == 0 or not scale.scale.selector.strip():
            return observed
        try:
            parse_selector(scale.scale.selector)
            counts = await self._pods.count(spec, scale, now)
        except SelectorError as error:
            text = f"could not parse the labels of the target: {error}"
            return structs.replace(observed, selector_error=text)
        except KubeError as error:
            return structs.replace(observed, pods_error=describe(error))
        return structs.replace(observed, pods=counts)

    async def _readings(self, spec: Spec, now: Millis) -> Sequence[Reading]:
        return await asyncio.gather(*(self._reading(spec, metric, now) for metric in spec.metrics))

    async def _reading(self, spec: Spec, metric: Metric, now: Millis) -> Reading:
        if metric.kind == "External":
            return await self._externals.read(spec, metric, now)
        return Reading("error", detail="Resource metrics are not supported by this version")


def _scale_text(target: TargetReference, error: Exception) -> str:
    """Upstream's words for each way a target can be out of reach (wpa-behaviour §8)."""
    match error:
        case NoKindMatch() | NotScalable():
            return f"unable to determine resource for scale target reference: {error}"
        case ApiError(code=403 | 404):
            version = target.api_version or "v1"
            return f"could not get scale for the GV {version}, error: {error}; scale not found"
        case _:
            return f"could not get scale for the GV {target.api_version or 'v1'}, error: {error}"
