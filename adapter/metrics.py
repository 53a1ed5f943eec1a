"""What the adapter tells about itself, in base units (external-metrics-api §16 row 21)."""

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

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(f"{PROGRAM}_{name}", text, labels, registry=registry, buckets=_FAST)

        self.requests = counter("requests", "Answered requests.", "kind", "code")
        self.request_seconds = histogram(
            "request_duration_seconds", "Time from a request to its answer.", "kind"
        )
        self.value_reads = counter(
            "value_reads",
            "Where the values of metric requests came from: cache, upstream, or joined (shared "
            "the query of another request).",
            "source",
        )
        self.upstream_seconds = histogram(
            "upstream_request_duration_seconds", "Time of queries to Prometheus.", "outcome"
        )
        self.upstream_errors = counter(
            "upstream_errors", "Queries to Prometheus without a usable answer.", "class"
        )
        self.upstream_up = gauge("upstream_up", "Whether the last query to Prometheus succeeded.")
        self.upstream_warnings = counter(
            "upstream_warnings", "Warnings that Prometheus attached to answers."
        )
        self.samples_dropped = counter(
            "samples_dropped", "Samples left out: NaN, infinite or native histograms.", "metric"
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
