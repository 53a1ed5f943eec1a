"""What the adapter tells about itself, in base units (external-metrics-api §16 row 21)."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from kube.service.metrics import new_registry

PROGRAM: Final = "wpa_adapter"
_FAST: Final = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 10.0)


class AdapterMetrics:
    """The families of one process."""

    def __init__(self, version: str) -> None:
        registry = new_registry(PROGRAM, version)
        self.registry: CollectorRegistry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"{PROGRAM}_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"{PROGRAM}_{name}", text, labels, registry=registry)

        def histogram(
            name: str, text: str, *labels: str, buckets: Sequence[float] = _FAST
        ) -> Histogram:
            return Histogram(f"{PROGRAM}_{name}", text, labels, registry=registry, buckets=buckets)

        self.requests = counter("requests", "Answered requests.", "kind", "code")
        self.request_seconds = histogram(
            "request_duration_seconds", "Time from a request to its answer.", "kind"
        )
        self.value_reads = counter(
            "value_reads",
            "Where the values of metric requests came from: cache, stale (handed out past its time "
            "because the query for a newer one fails or is slow), upstream, joined (shared the "
            "query of another request), or fallback (the value that the rule names for failures).",
            "source",
        )
        self.upstream_seconds = histogram(
            "upstream_request_duration_seconds",
            "Time of queries to Prometheus, without their wait for a turn.",
            "upstream",
            "outcome",
        )
        self.upstream_errors = counter(
            "upstream_errors",
            "Queries to Prometheus without a usable answer.",
            "upstream",
            "class",
        )
        self.upstream_not_asked = counter(
            "upstream_not_asked",
            "Queries that were not sent, because the circuit was open or too many waited.",
            "upstream",
            "reason",
        )
        self.upstream_up = gauge(
            "upstream_up", "Whether the last query to Prometheus succeeded.", "upstream"
        )
        self.upstream_in_flight = gauge(
            "upstream_in_flight", "Queries that Prometheus is working on.", "upstream"
        )
        self.upstream_queued = gauge(
            "upstream_queued", "Queries that wait for their turn.", "upstream"
        )
        self.upstream_breaker_open = gauge(
            "upstream_breaker_open",
            "Whether queries fail at once after repeated failures, but for a probe now and then.",
            "upstream",
        )
        self.upstream_credentials_ok = gauge(
            "upstream_credentials_last_read_successful",
            "Whether token, password and TLS files for Prometheus were usable last time.",
            "upstream",
        )
        self.upstream_warnings = counter(
            "upstream_warnings", "Warnings that Prometheus attached to answers.", "upstream"
        )
        self.answers_refused = counter(
            "answers_refused",
            "Answers of Prometheus that the metric's rule does not accept.",
            "metric",
            "class",
        )
        self.planned_queries = counter(
            "planned_queries",
            "Queries after questions were put together: merged (several questions in one), single, "
            "or apart (questions of a merged query that failed, each by itself).",
            "kind",
        )
        self.planned_questions = histogram(
            "planned_questions_per_query",
            "Questions that one query answers.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
        )
        self.planned_alone = counter(
            "planned_alone",
            "Questions that are asked alone because of what kind of thing their query has.",
            "reason",
        )
        self.samples_dropped = counter(
            "samples_dropped",
            "Samples left out: NaN, infinite, native histograms, or without a time of their own.",
            "metric",
        )
        self.samples_saturated = counter(
            "samples_saturated", "Samples beyond the range that consumers can count.", "metric"
        )
        self.rule_result = gauge(
            "rule_last_result_timestamp_seconds",
            "When the metric was last answered by Prometheus; its age is time() minus this.",
            "metric",
        )
        self.reviews = counter(
            "reviews",
            "Token and access reviews by where the verdict came from: cache, server, joined, or "
            "failed.",
            "review",
            "source",
        )
        self.rules = gauge("rules", "Metrics served by the configuration in force.")
        self.discovered = gauge(
            "discovered_metrics", "Metrics among them whose names were found by their series."
        )
        self.discoveries = counter(
            "discoveries",
            "Questions for names of series: success, cut (too many names), or why they failed.",
            "outcome",
        )
        self.config_ok = gauge(
            "config_last_reload_successful", "Whether the configuration file was usable last time."
        )
        self.config_loaded = gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read.",
        )
        self.certificate_expiry = gauge(
            "serving_cert_not_after_timestamp_seconds", "When the serving certificate expires."
        )
        self.trust_ok = gauge(
            "client_trust_last_read_successful",
            "Whether the certificate authorities of clients could be read last time.",
        )

    def of_upstream(self, name: str) -> "UpstreamMetrics":
        """The series of the upstream `name`, "" for the command line's."""
        return UpstreamMetrics(self, name or "default")

    def forget_upstream(self, name: str) -> None:
        """Show the gauges of an upstream that is gone no longer."""
        for gauge in (
            self.upstream_up,
            self.upstream_in_flight,
            self.upstream_queued,
            self.upstream_breaker_open,
            self.upstream_credentials_ok,
        ):
            gauge.remove(name)


class UpstreamMetrics:
    """The series of one upstream."""

    def __init__(self, metrics: AdapterMetrics, name: str) -> None:
        self._metrics = metrics
        self._name = name
        self.in_flight = metrics.upstream_in_flight.labels(name)
        self.queued = metrics.upstream_queued.labels(name)
        self.breaker_open = metrics.upstream_breaker_open.labels(name)
        self.credentials_ok = metrics.upstream_credentials_ok.labels(name)
        self.warnings = metrics.upstream_warnings.labels(name)

    def up(self, answered: bool) -> None:
        """Whether the last query got an answer; before the first one nothing is shown."""
        self._metrics.upstream_up.labels(self._name).set(answered)

    def seconds(self, outcome: str) -> Histogram:
        """How long queries that ended in `outcome` took."""
        return self._metrics.upstream_seconds.labels(self._name, outcome)

    def errors(self, kind: str) -> Counter:
        """Queries that failed in the class `kind`."""
        return self._metrics.upstream_errors.labels(self._name, kind)

    def not_asked(self, reason: str) -> Counter:
        """Queries not sent, for "circuit" or "queue"."""
        return self._metrics.upstream_not_asked.labels(self._name, reason)
