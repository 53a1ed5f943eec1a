"""External metrics, read through the Kubernetes API as the HPA reads them (wpa-behaviour §10)."""

from typing import Final

import msgspec

from kube.client.errors import KubeError
from kube.client.requests import raw_get, segment
from kube.client.transport import ApiClient
from kube.vocab.objects import Wire
from kube.vocab.quantity import QuantityError, parse_milli
from kube.vocab.times import Millis, parse_rfc3339
from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading, Sample, reading_of
from scaler.core.spec import Spec
from scaler.shell.failures import reading_state, reading_text

_ROOT: Final = "/apis/external.metrics.k8s.io/v1beta1"
_FAILED: Final = "unable to fetch metrics from external metrics API: "


class _Value(Wire, frozen=True):
    value: str | int = ""
    timestamp: str | None = None


class _ValueList(Wire, frozen=True):
    items: list[_Value] | None = None


_VALUES: Final = msgspec.json.Decoder(_ValueList)


class ExternalMetrics:
    """Asks the external metrics API."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def read(self, spec: Spec, metric: Metric, now: Millis, max_age: int) -> Reading:
        """The evidence for `metric`. Never raises for what the API answers: that is a state."""
        # Clients of this API fold names to lower case, so that is what everybody can ask for.
        path = f"{_ROOT}/namespaces/{segment(spec.namespace)}/{segment(metric.name.lower())}"
        selector = str(metric.selector)
        query = (("labelSelector", selector),) if selector else ()
        try:
            answer = await self._client.read(raw_get(path, query, "external.metrics"), _VALUES)
            samples = [_sample(item) for item in answer.items or ()]
        except KubeError as error:
            return Reading(reading_state(error), detail=_FAILED + reading_text(error))
        except (QuantityError, ValueError) as error:
            return Reading("error", detail=_FAILED + str(error))
        return reading_of(samples, now, max_age)


def _sample(item: _Value) -> Sample:
    return Sample(
        parse_milli(item.value), parse_rfc3339(item.timestamp) if item.timestamp else None
    )
