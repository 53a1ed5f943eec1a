"""The rows about wpa-adapter and about the processes of both daemons."""

from typing import Final

from observability.grafana import Panel, Query, Row
from observability.rates import EVERY, quantiles, rates, rates_or_none

_OURS: Final = "and on (job, instance) (wpa_scaler_build_info or wpa_adapter_build_info)"

ADAPTER: Final = Row(
    "wpa-adapter",
    (
        Panel(
            "Requests",
            "Answered requests per second, by kind and code.",
            (rates("wpa_adapter_requests_total", "kind", "code"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "Latency",
            "From a request to its answer, by kind.",
            quantiles("wpa_adapter_request_duration_seconds", "kind")[1:],
            unit="s",
            width=8,
        ),
        Panel(
            "Where values come from",
            "Share of metric requests answered from the cache, by an old answer while Prometheus "
            "fails, by a query, or by another's query.",
            (
                Query(
                    f"sum by (source) (rate(wpa_adapter_value_reads_total{EVERY})) / on () "
                    f"group_left () sum(rate(wpa_adapter_value_reads_total{EVERY}))",
                    "{{source}}",
                ),
            ),
            unit="percentunit",
            width=8,
            stacked=True,
        ),
        Panel(
            "Prometheus: latency",
            "Time of queries to each Prometheus, without their wait for a turn.",
            quantiles("wpa_adapter_upstream_request_duration_seconds", "upstream"),
            unit="s",
            width=8,
        ),
        Panel(
            "Prometheus: errors by class",
            "Queries without a usable answer, per second; 0 where there never was one.",
            (rates_or_none("wpa_adapter_upstream_errors_total", "upstream", "class"),),
            unit="ops",
            width=8,
        ),
        Panel(
            "Prometheus: queries under way",
            "Queries that are being answered, that wait for their turn, and, per second, that were "
            "not sent.",
            (
                Query("sum by (upstream) (wpa_adapter_upstream_in_flight)", "{{upstream}}"),
                Query("sum by (upstream) (wpa_adapter_upstream_queued)", "{{upstream}} waiting"),
                rates_or_none("wpa_adapter_upstream_not_asked_total", "upstream", "reason"),
            ),
            width=8,
        ),
        Panel(
            "Age of each metric's last answer",
            "Since Prometheus last answered for it.",
            (
                Query(
                    "time() - max by (metric) (wpa_adapter_rule_last_result_timestamp_seconds)",
                    "{{metric}}",
                ),
            ),
            unit="s",
            width=8,
        ),
        Panel(
            "Access reviews",
            "Token and access reviews per second, by where the verdict came from.",
            (rates("wpa_adapter_reviews_total", "review", "source"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "Answers, configuration, trust",
            "Whether the last query and the last read of the configuration, of the files for "
            "Prometheus and of the callers' authorities succeeded, and no circuit is open.",
            (
                Query("min by (upstream) (wpa_adapter_upstream_up)", "Prometheus {{upstream}}"),
                Query("1 - max(wpa_adapter_upstream_breaker_open)", "circuits"),
                Query("min(wpa_adapter_upstream_credentials_last_read_successful)", "credentials"),
                Query("min(wpa_adapter_config_last_reload_successful)", "configuration"),
                Query("min(wpa_adapter_client_trust_last_read_successful)", "trust"),
            ),
            "state-timeline",
            width=8,
            texts=((0, "failed", "red"), (1, "good", "green")),
        ),
        Panel(
            "Serving certificate",
            "Time until it expires.",
            (
                Query(
                    "min(wpa_adapter_serving_cert_not_after_timestamp_seconds) - time()",
                    instant=True,
                ),
            ),
            "stat",
            unit="s",
            width=8,
        ),
    ),
)

PROCESSES: Final = Row(
    "Processes",
    (
        Panel(
            "Event loop lag",
            "99th percentile of the lateness of timers: what a slow handler costs all others.",
            (
                *quantiles("wpa_scaler_event_loop_lag_seconds", "job", "instance")[1:],
                *quantiles("wpa_adapter_event_loop_lag_seconds", "job", "instance")[1:],
            ),
            unit="s",
            width=8,
        ),
        Panel(
            "Memory",
            "Resident memory of each process.",
            (Query(f"process_resident_memory_bytes {_OURS}", "{{job}} {{instance}}"),),
            unit="bytes",
            width=8,
        ),
        Panel(
            "CPU",
            "Cores used by each process.",
            (Query(f"rate(process_cpu_seconds_total{EVERY}) {_OURS}", "{{job}} {{instance}}"),),
            width=8,
        ),
        Panel(
            "What runs",
            "Versions of the daemons.",
            (
                Query(
                    "max by (job, instance, version, python) "
                    "(wpa_scaler_build_info or wpa_adapter_build_info)",
                    instant=True,
                ),
            ),
            "table",
            width=24,
            height=5,
        ),
    ),
)
