"""Every series of both daemons, as the daemons themselves describe them."""

from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from adapter.metrics import PROGRAM as ADAPTER
from adapter.metrics import AdapterMetrics
from kube.client.credentials import Credentials
from kube.client.transport import ApiClient
from kube.service.metrics import LoopLag, new_registry
from kube.vocab.times import SystemClock
from scaler.app import Scaler
from scaler.core.own_gauges import PROGRAM as SCALER
from scaler.settings import Settings
from scaler.shell.autoscaler_series import AutoscalerSeries
from scaler.shell.recommender import recommending
from scaler.shell.series import ApiCalls


class Family(Struct, frozen=True):
    """One family; `name` is what queries use, without the parts of a histogram."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


async def scaler_families() -> list[Family]:
    """The families of wpa-scaler, registered as the daemon does."""
    clock = SystemClock()
    registry = new_registry(SCALER, "")
    client = ApiClient(
        Credentials("https://localhost"), user_agent="", on_request=ApiCalls(registry).observe
    )
    async with recommending(registry, clock, "", None) as recommenders:
        scaler = Scaler(Settings(), client, clock, Random(), recommenders)
        registry.register(scaler.own_series())
        LoopLag(SCALER, registry)
        objects = AutoscalerSeries(scaler.catalogue).families
        of_objects = [Family(one.name, one.type, one.labels, one.help) for one in objects]
        return [*of_objects, *_families(registry)]


def adapter_families() -> list[Family]:
    """The families of wpa-adapter, registered as the daemon does."""
    metrics = AdapterMetrics("")
    LoopLag(ADAPTER, metrics.registry)
    return list(_families(metrics.registry))


def _families(registry: CollectorRegistry) -> Iterator[Family]:
    # The library tells label names through samples only, and a family may have none yet.
    collectors: dict[Any, Any] = registry._collector_to_names
    for collector in collectors:
        for metric in collector.collect():
            name = metric.name + ("_total" if metric.type == "counter" else "")
            yield Family(name, metric.type, _labels(collector, metric), metric.documentation)


def _labels(collector: Any, metric: Metric) -> tuple[str, ...]:
    for holder in (collector, metric):
        names: tuple[str, ...] | None = getattr(holder, "_labelnames", None)
        if names is not None:
            return tuple(names)
    found = [name for sample in metric.samples for name in sample.labels]
    return tuple(name for name in dict.fromkeys(found) if name != "le")
