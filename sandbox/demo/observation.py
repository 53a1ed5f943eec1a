"""What the demo shows and records of an autoscaler, read the way a user would read it."""

from typing import Final

import aiohttp
import msgspec
from msgspec import Struct

from kube.client.errors import KubeError
from kube.client.requests import raw_get
from kube.client.transport import ApiClient
from kube.vocab.conditions import Condition
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.quantity import Quantity, QuantityError
from kube.vocab.times import SECOND, Millis, parse_rfc3339
from sandbox.demo.load import NAMESPACE

METRIC: Final = "kodo_x_queue_backlog"
EXTERNAL_METRICS: Final = "/apis/external.metrics.k8s.io/v1beta1"
AUTOSCALERS: Final = f"/apis/datadoghq.com/v1alpha1/namespaces/{NAMESPACE}/watermarkpodautoscalers"
DEPLOYMENTS: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


class _Target(Wire, frozen=True):
    name: str = ""


class _External(Wire, frozen=True):
    high_watermark: str | int = 0
    low_watermark: str | int = 0


class _Metric(Wire, frozen=True):
    external: _External = _External()


class _Spec(Wire, frozen=True):
    scale_target_ref: _Target = _Target()
    metrics: tuple[_Metric, ...] = ()


class _Status(Wire, frozen=True):
    last_scale_time: str | None = None
    conditions: list[Condition] | None = None


class _Autoscaler(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Autoscalers(Wire, frozen=True):
    items: tuple[_Autoscaler, ...] = ()


class _Replicas(Wire, frozen=True):
    replicas: int = 0
    ready_replicas: int = 0


class _Deployment(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _Replicas = _Replicas()
    status: _Replicas = _Replicas()


class _Deployments(Wire, frozen=True):
    items: tuple[_Deployment, ...] = ()


class _Value(Wire, frozen=True):
    value: str | int = 0


class _Values(Wire, frozen=True):
    items: tuple[_Value, ...] = ()


class _Decided(Struct, rename="camel"):
    name: str
    decision: str = ""


class _Page(Struct):
    autoscalers: list[_Decided]


_AUTOSCALERS: Final = msgspec.json.Decoder(_Autoscalers)
_DEPLOYMENTS: Final = msgspec.json.Decoder(_Deployments)
_VALUES: Final = msgspec.json.Decoder(_Values)
_PAGE: Final = msgspec.json.Decoder(_Page)


class Observation(Struct, frozen=True, kw_only=True):
    """One autoscaler at one moment. `value` is None where the metric has none."""

    name: str
    target: str
    value: float | None
    low: float
    high: float
    replicas: int
    ready: int
    decision: str
    reason: str
    conditions: tuple[Condition, ...] = ()
    last_scale: Millis | None = None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{NAMESPACE}/{self.name}"

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, if it was set yet."""
        return next((c for c in self.conditions if c.type == kind), None)


class Observer:
    """Reads through the Kubernetes API, and the decisions' words from the scaler's own page."""

    def __init__(self, client: ApiClient, session: aiohttp.ClientSession, scaler_url: str) -> None:
        self._client = client
        self._session = session
        self._scaler_url = scaler_url

    async def read(self) -> list[Observation]:
        """All autoscalers of the demo, by name. Raises KubeError where the API server fails."""
        autoscalers = await self._client.read(raw_get(AUTOSCALERS), _AUTOSCALERS)
        deployments = await self._client.read(raw_get(DEPLOYMENTS), _DEPLOYMENTS)
        by_name = {deployment.metadata.name: deployment for deployment in deployments.items}
        words = await self._words()
        return [
            _observation(
                autoscaler,
                by_name.get(autoscaler.spec.scale_target_ref.name, _Deployment()),
                await self.value(autoscaler.spec.scale_target_ref.name),
                words.get(autoscaler.metadata.name, ""),
            )
            for autoscaler in sorted(autoscalers.items, key=lambda item: item.metadata.name)
        ]

    async def value(self, consumer: str) -> float | None:
        """The backlog of a consumer as the aggregated API gives it; None for none."""
        request = raw_get(
            f"{EXTERNAL_METRICS}/namespaces/{NAMESPACE}/{METRIC}",
            (("labelSelector", f"consumer={consumer}"),),
        )
        try:
            values = await self._client.read(request, _VALUES)
            numbers = [Quantity.parse(item.value).milli / 1000 for item in values.items]
        except (KubeError, QuantityError):
            return None
        return sum(numbers) if numbers else None

    async def _words(self) -> dict[str, str]:
        try:
            async with self._session.get(f"{self._scaler_url}/autoscalers") as response:
                page = _PAGE.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError):
            return {}
        return {entry.name: entry.decision for entry in page.autoscalers}


def _observation(
    autoscaler: _Autoscaler, deployment: _Deployment, value: float | None, words: str
) -> Observation:
    metric = (autoscaler.spec.metrics or (_Metric(),))[0].external
    decision, _, reason = words.partition(": ")
    scaled = autoscaler.status.last_scale_time
    return Observation(
        name=autoscaler.metadata.name,
        target=autoscaler.spec.scale_target_ref.name,
        value=value,
        low=Quantity.parse(metric.low_watermark).milli / 1000,
        high=Quantity.parse(metric.high_watermark).milli / 1000,
        replicas=deployment.spec.replicas,
        ready=deployment.status.ready_replicas,
        decision=decision or "nothing yet",
        reason=reason,
        conditions=tuple(autoscaler.status.conditions or ()),
        last_scale=parse_rfc3339(scaled) if scaled else None,
    )


def above_since(observation: Observation) -> Millis | None:
    """Since when the value has been above the high watermark; None while it is not."""
    above = observation.condition("AboveHighWatermark")
    if above is None or not above.is_true or not above.last_transition_time:
        return None
    return parse_rfc3339(above.last_transition_time) // SECOND * SECOND
