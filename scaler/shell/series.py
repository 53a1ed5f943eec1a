"""The scaler's series for Prometheus: those of each object, and those of the daemon itself.

Per-object series are made from the catalogue at each scrape, so they are owned by their object and
vanish with it (D27): nothing has to be deleted, nothing can leak.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kube.client.events import RecorderStats
from kube.client.reflector_stats import ReflectorStats
from kube.client.requests import Request
from scaler.core.gauges import HELP, PREFIX, common_labels, gauges
from scaler.shell.evaluate import Evaluator
from scaler.shell.reporter import Reporter
from scaler.shell.ticker import TickerStats
from scaler.state.catalogue import Catalogue, Entry, Evaluated

PROGRAM: Final = "wpa_scaler"

_EXTRA_LABEL: Final = {
    "value": "metric_name",
    "high_watermark": "metric_name",
    "high_watermak": "metric_name",
    "low_watermark": "metric_name",
    "low_watermak": "metric_name",
    "replicas_scaling_proposal": "metric_name",
    "restricted_scaling": "reason",
    "transition_countdown": "transition",
    "conditions": "condition",
}


class Autoscalers(Collector):
    """One object's series per evaluated autoscaler: `wpa_controller_*`, and one of ours (D37)."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def collect(self) -> Iterable[Metric]:
        """The series as of each object's last evaluation."""
        common: tuple[str, ...] = ()
        rows: list[tuple[Entry, Evaluated, list[str]]] = []
        for entry in self._catalogue:
            if entry.last is not None:
                labels = common_labels(entry.last.spec)
                common = tuple(labels)
                rows.append((entry, entry.last, list(labels.values())))
        yield from _gauges(rows, common)
        yield from _totals(rows, common)
        yield _rivals(rows, common)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return ()


class Daemon(Collector):
    """`wpa_scaler_*`: how the daemon itself is doing."""

    def __init__(
        self,
        catalogue: Catalogue,
        evaluator: Evaluator,
        reporter: Reporter,
        ticker: TickerStats,
        reflectors: Iterable[ReflectorStats],
        recorder: RecorderStats,
    ) -> None:
        self._catalogue = catalogue
        self._evaluator = evaluator
        self._reporter = reporter
        self._ticker = ticker
        self._reflectors = tuple(reflectors)
        self._recorder = recorder

    def collect(self) -> Iterable[Metric]:
        """Counters kept by the parts."""
        name = f"{PROGRAM}_autoscalers"
        yield GaugeMetricFamily(name, "Autoscalers that exist.", len(self._catalogue))
        yield _counter(
            "evaluations", "Evaluations by the rule that bound them.", "rule",
            self._evaluator.outcomes,
        )  # fmt: skip
        yield _counter("status_writes", "Status writes by cause.", "cause", self._reporter.writes)
        overruns = {"": self._ticker.overrun}
        yield _counter("overruns", "Turns that found the last evaluation unfinished.", "", overruns)
        name = f"{PROGRAM}_evaluation_lateness_seconds"
        yield GaugeMetricFamily(name, "Wait of the latest evaluation.", self._ticker.lateness)
        relists: dict[str, int] = {}
        for stats in self._reflectors:
            for reason, count in stats.relists.items():
                relists[reason] = relists.get(reason, 0) + count
        yield _counter("relists", "Lists that had to be made again, by reason.", "reason", relists)
        written = self._recorder.created + self._recorder.counted_up
        outcomes = {"written": written, "dropped": self._recorder.dropped}
        yield _counter("events", "Events on autoscalers by outcome.", "outcome", outcomes)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return ()


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


def _gauges(
    rows: list[tuple[Entry, Evaluated, list[str]]], common: tuple[str, ...]
) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(
            PREFIX + name,
            text,
            labels=[*common, *([_EXTRA_LABEL[name]] if name in _EXTRA_LABEL else [])],
        )
        for name, text in HELP.items()
    }
    for entry, last, labels in rows:
        for gauge in gauges(last.spec, last.decision, entry.status):
            extra = [gauge.label_value] if gauge.label else []
            families[gauge.name].add_metric([*labels, *extra], gauge.value)
    yield from families.values()


def _totals(
    rows: list[tuple[Entry, Evaluated, list[str]]], common: tuple[str, ...]
) -> Iterator[Metric]:
    up = CounterMetricFamily(PREFIX + "upscale_replicas", "Replicas added.", labels=common)
    down = CounterMetricFamily(PREFIX + "downscale_replicas", "Replicas removed.", labels=common)
    for entry, _, labels in rows:
        up.add_metric(labels, entry.upscaled)
        down.add_metric(labels, entry.downscaled)
    yield up
    yield down


def _rivals(rows: list[tuple[Entry, Evaluated, list[str]]], common: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(
        f"{PROGRAM}_conflicting_controllers",
        "Other controllers that set the replica count of the target.",
        labels=common,
    )
    for entry, _, labels in rows:
        family.add_metric(labels, len(entry.rivals))
    return family


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"{PROGRAM}_{name}", text, labels=[label] if label else [])
    for value, count in counts.items():
        family.add_metric([value] if label else [], count)
    return family
