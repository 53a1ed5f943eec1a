"""A Prometheus that knows the consumers' loads, and the weather between it and the adapter."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final

from aiohttp import web

from kube.vocab.times import SECOND, Clock, Millis
from tests.integration.adapter.kit.prometheus import FakePrometheus, document
from tests.integration.scaler.manifests import NAMESPACE
from tests.soak.adapter.truth import FAILURES
from tests.soak.scaler.consumers import LABEL, METRIC, Consumer
from tests.soak.scaler.weather import Weather
from tests.soak.sums import summed

PROMETHEUS_FAULTS: Final = ("prometheus", "empty", "NaN", "+Inf")
"""Queries that fail in any way there is; series that are missing or no numbers."""

RULES: Final = f"""
externalRules:
- seriesQuery: {METRIC}
  metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by ({LABEL})'
"""


class Loads:
    """Answers the adapter's queries."""

    def __init__(
        self, prometheus: FakePrometheus, consumers: Mapping[str, Consumer], clock: Clock,
        weather: Weather, random: Random,
    ) -> None:  # fmt: skip
        self.queries = 0
        self._prometheus = prometheus
        self._consumers = list(consumers.values())
        self._labels = [{"namespace": NAMESPACE, LABEL: one.name} for one in self._consumers]
        self._clock = clock
        self._weather = weather
        self._random = random
        prometheus.behave = self._behave

    async def _behave(self, request: web.Request, query: str) -> web.StreamResponse:
        self.queries += 1
        self._prometheus.queries.clear()
        self._prometheus.requests.clear()
        if self._random.random() < self._weather.now.faults.get("prometheus", 0.0):
            self._weather.met["prometheus"] += 1
            broken = FakePrometheus()
            self._random.choice(FAILURES).script(broken)
            return await broken.behave(request, query)
        now = self._clock.now()
        found = summed(query, self._labels, dict(self._values(now)))
        result = [{"metric": one, "value": [now / SECOND, value]} for one, value in found]
        return web.Response(body=document("vector", result), content_type="application/json")

    def _values(self, now: Millis) -> Iterator[tuple[int, float]]:
        for number, consumer in enumerate(self._consumers):
            fault = self._weather.on_metric(consumer.name)
            if fault in ("NaN", "+Inf"):
                yield number, float(fault)
            elif fault != "empty":
                yield number, float(consumer.load.at(now))
