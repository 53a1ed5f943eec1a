"""The scaler's series about itself for Prometheus: what it did, how punctually, at what cost."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kube.client.events import RecorderStats
from kube.client.reflector_stats import ReflectorStats
from kube.client.requests import Request
from scaler.core.fleet import FleetBreaker
from scaler.core.own_gauges import PROGRAM
from scaler.shell.evaluate import Evaluator
from scaler.shell.fleet_series import fleet_families
from scaler.shell.leadership import Leadership
from scaler.shell.reporter import Reporter
from scaler.shell.ticker import TickerStats
from scaler.shell.watch_series import watch_families
from scaler.state.catalogue import Catalogue

WRITE_CAUSES: Final = (
    "scale",
    "status_decision",
    "status_values",
    "event",
    "lease",
    "finalizer",
)
"""Why the API server is written to."""


class Daemon(Collector):
    """`wpa_scaler_*`: how the daemon itself is doing."""

    def __init__(
        self,
        catalogue: Catalogue,
        evaluator: Evaluator,
        reporter: Reporter,
        ticker: TickerStats,
        watches: Mapping[str, ReflectorStats],
        recorder: RecorderStats,
        leadership: Leadership,
        breaker: FleetBreaker,
    ) -> None:
        self._catalogue = catalogue
        self._evaluator = evaluator
        self._reporter = reporter
        self._ticker = ticker
        self._watches = watches
        self._recorder = recorder
        self._leadership = leadership
        self._breaker = breaker

    def collect(self) -> Iterable[Metric]:
        """Counters kept by the parts."""
        name = f"{PROGRAM}_autoscalers"
        yield GaugeMetricFamily(name, "Autoscalers that exist.", len(self._catalogue))
        name, kept = f"{PROGRAM}_flight_recorder_bytes", sum(e.flight.size for e in self._catalogue)
        yield GaugeMetricFamily(name, "Packed records of evaluations that are kept.", kept)
        text = "Shards this scaler holds; without --shards, whether it leads."
        yield GaugeMetricFamily(f"{PROGRAM}_shards_held", text, self._leadership.shards)
        yield _counter(
            "evaluations", "Evaluations by the rule that bound them.", "rule",
            self._evaluator.outcomes,
        )  # fmt: skip
        yield from self._evaluator.measures.collect()
        text = "Writes to the Kubernetes API by cause."
        yield _counter("api_writes", text, "cause", self._writes())
        failures = {"": self._reporter.failures}
        yield _counter("status_write_failures", "Status writes that failed.", "", failures)
        jumps = {"": self._evaluator.clock.jumps}
        yield _counter("clock_jumps", "Jumps of the wall clock, either way.", "", jumps)
        overruns = {"": self._ticker.overrun}
        yield _counter("overruns", "Turns that found the last evaluation unfinished.", "", overruns)
        name = f"{PROGRAM}_evaluation_lateness_seconds"
        text = "Time from the latest evaluation's turn to its start."
        yield GaugeMetricFamily(name, text, self._ticker.lateness)
        yield from watch_families(self._watches)
        outcomes = {"written": self._events_written(), "dropped": self._recorder.dropped}
        yield _counter("events", "Events that were to be told, by outcome.", "outcome", outcomes)
        yield from fleet_families(self._breaker, self._catalogue)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return ()

    def _writes(self) -> Mapping[str, int]:
        """What was written, and why; what failed is in the requests' codes."""
        counts = (
            self._evaluator.measures.scales,
            self._reporter.writes["decision"],
            self._reporter.writes["values"],
            self._events_written(),
            self._leadership.writes,
            self._reporter.released,
        )
        return dict(zip(WRITE_CAUSES, counts, strict=True))

    def _events_written(self) -> int:
        return self._recorder.created + self._recorder.counted_up


class ApiCalls:
    """Calls to the API server by verb, resource and code."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            f"{PROGRAM}_api_requests_total",
            "Requests to the Kubernetes API; code 0 had no answer.",
            ["verb", "resource", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            f"{PROGRAM}_api_request_duration_seconds",
            "Time to the answer of the Kubernetes API.",
            ["verb", "resource"],
            registry=registry,
        )

    def observe(self, request: Request, code: int, seconds: float) -> None:
        """Count one attempt."""
        self._calls.labels(request.operation, request.resource, str(code)).inc()
        if request.operation != "watch":
            self._seconds.labels(request.operation, request.resource).observe(seconds)


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PROGRAM}_{name}", text, labels=[label] if label else [])
    for value, count in counts.items():
        family.add_metric([value] if label else [], count)
    return family
