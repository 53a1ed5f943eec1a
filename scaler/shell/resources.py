"""Usage of pods (cpu, memory), read from the resource metrics API (wpa-behaviour §10, D7)."""

from collections.abc import Collection
from typing import Final

import msgspec

from kube.client.errors import KubeError
from kube.client.lists import list_all
from kube.client.requests import Resource, list_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.quantity import QuantityError, parse_milli
from kube.vocab.times import Millis, parse_rfc3339
from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading, Sample, resource_reading_of
from scaler.core.spec import Spec
from scaler.shell.failures import reading_state, reading_text

POD_METRICS: Final = Resource("metrics.k8s.io", "v1beta1", "pods")
_FAILED: Final = "unable to fetch metrics from resource metrics API: "


class _Container(Wire, frozen=True):
    usage: dict[str, str | int] | None = None


class _PodMetrics(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    timestamp: str | None = None
    containers: list[_Container] | None = None


_POD: Final = msgspec.json.Decoder(_PodMetrics)


class ResourceMetrics:
    """Asks the resource metrics API."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def read(
        self,
        spec: Spec,
        metric: Metric,
        selector: str,
        counted: Collection[str],
        now: Millis,
        max_age: int,
    ) -> Reading:
        """The evidence in the usage of the `counted` pods. Never raises for what the API answers.

        `selector` is the target's, asked for where the metric has none of its own.
        """
        wanted = selector if metric.selector.empty else str(metric.selector)
        request = list_of(POD_METRICS, spec.namespace, label_selector=wanted)
        try:
            listing = await list_all(self._client, request, _POD)
            usage = {
                item.metadata.name: sample
                for item in listing.items
                if (sample := _sample(item, metric.name)) is not None
            }
        except KubeError as error:
            return Reading(reading_state(error), detail=_FAILED + reading_text(error))
        except (QuantityError, ValueError) as error:
            return Reading("error", detail=_FAILED + str(error))
        return resource_reading_of(usage, counted, now, max_age)


def _sample(item: _PodMetrics, resource: str) -> Sample | None:
    """The pod's usage, None where any of its containers does not report it."""
    usages = [(container.usage or {}).get(resource) for container in item.containers or ()]
    if not usages or None in usages:
        return None
    total = sum(parse_milli(usage) for usage in usages if usage is not None)
    return Sample(total, parse_rfc3339(item.timestamp) if item.timestamp else None)
