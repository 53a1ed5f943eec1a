"""One look at the world for one autoscaler: monitor, target, pods, metrics, each only if it has a
say.
"""

import asyncio

from msgspec import Struct, structs

from kube.client.discovery import NoKindMatch, NotScalable
from kube.client.errors import ApiError, KubeError
from kube.vocab.selectors import SelectorError, parse_selector
from kube.vocab.times import SECOND, Millis
from scaler.core.gates import needs_metrics
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, Reading
from scaler.core.spec import Spec
from scaler.core.status import with_scaling
from scaler.core.wire import TargetReference
from scaler.shell.externals import ExternalMetrics
from scaler.shell.monitors import Monitors
from scaler.shell.podlist import PodCounter, describe
from scaler.shell.recommender import Recommenders
from scaler.shell.resources import ResourceMetrics
from scaler.shell.scales import ScaleObject, Scales


class Sight(Struct, frozen=True):
    """What was seen, and the scale to write to."""

    observed: Observed
    scale: ScaleObject | None


class Question(Struct, frozen=True):
    """What is asked of every metric of one evaluation."""

    spec: Spec
    selector: str
    counted: frozenset[str]
    now: Millis
    max_age: int


class Observer:
    """Gathers what a decision looks at."""

    def __init__(
        self,
        scales: Scales,
        pods: PodCounter,
        externals: ExternalMetrics,
        resources: ResourceMetrics,
        recommenders: Recommenders,
        monitors: Monitors,
        *,
        period: int,
        max_sample_age: int,
    ) -> None:
        """`period` is the time between two evaluations, `max_sample_age` the age up to which a
        sample is fresh where the object does not say otherwise (D16): both in milliseconds.
        """
        self._scales = scales
        self._pods = pods
        self._externals = externals
        self._resources = resources
        self._recommenders = recommenders
        self._monitors = monitors
        self._period = period
        self._max_sample_age = max_sample_age

    async def observe(
        self, spec: Spec, memory: Memory, now: Millis, *, uid: str, known: int | None
    ) -> Sight:
        """Never raises for what the API server says: failures are part of what is seen.

        `uid` is the autoscaler's, `known` the count that we left. Any other was set by a scaler
        before us, by ourselves without an answer, or by somebody else: the target tells (D24).
        """
        observed = Observed(memory=memory, period=self._period)
        if spec.lifecycle.on:
            monitor = await self._monitors.read(spec.namespace, spec.name)
            observed = structs.replace(observed, monitor=monitor)
            if monitor.blocks:
                return Sight(observed, None)
        try:
            scale = await self._scales.read(spec.namespace, spec.target)
            if scale.scale.spec_replicas != known:
                memory = with_scaling(memory, await self._scales.last_scaled(scale, uid), now)
        except (KubeError, ValueError) as error:
            text = _scale_text(spec.target, error)
            return Sight(structs.replace(observed, scale_error=text), None)
        observed = structs.replace(observed, scale=scale.scale, memory=memory)
        observed, counted = await self._with_pods(spec, observed, scale, now)
        if needs_metrics(spec, observed, now):
            ask = Question(spec, scale.scale.selector, counted, now, self._max_age(spec))
            readings = await self._readings(ask, scale.scale.spec_replicas)
            observed = structs.replace(observed, readings=readings)
        return Sight(observed, scale)

    async def _with_pods(
        self, spec: Spec, observed: Observed, scale: ScaleObject, now: Millis
    ) -> tuple[Observed, frozenset[str]]:
        nobody: frozenset[str] = frozenset()
        if scale.scale.spec_replicas == 0 or not scale.scale.selector.strip():
            return observed, nobody
        try:
            parse_selector(scale.scale.selector)
            census = await self._pods.count(spec, scale, now)
        except SelectorError as error:
            text = f"could not parse the labels of the target: {error}"
            return structs.replace(observed, selector_error=text), nobody
        except KubeError as error:
            return structs.replace(observed, pods_error=describe(error)), nobody
        return structs.replace(observed, pods=census.counts), census.counted

    async def _readings(self, ask: Question, current: int) -> tuple[Reading, ...]:
        recommender = ask.spec.recommender
        if recommender is None:
            asked = (self._read(ask, metric) for metric in ask.spec.metrics)
            return tuple(await asyncio.gather(*asked))
        counted = len(ask.counted)
        reading = await self._recommenders.read(
            ask.spec, recommender, current, counted, ask.now, ask.max_age
        )
        return (reading,)

    async def _read(self, ask: Question, metric: Metric) -> Reading:
        if metric.kind == "External":
            return await self._externals.read(ask.spec, metric, ask.now, ask.max_age)
        return await self._resources.read(
            ask.spec, metric, ask.selector, ask.counted, ask.now, ask.max_age
        )

    def _max_age(self, spec: Spec) -> int:
        own = spec.max_sample_age
        return self._max_sample_age if own is None else own * SECOND


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
