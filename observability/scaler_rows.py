"""The row about wpa-scaler: how punctual it is, on what it decides, what it writes."""

from typing import Final

from observability.grafana import Panel, Query, Row
from observability.rates import EVERY, quantiles, rates, rates_or_none

SCALER: Final = Row(
    "wpa-scaler",
    (
        Panel(
            "Decision lag",
            "From an evaluation's turn to its decision.",
            quantiles("wpa_scaler_decision_lag_seconds"),
            unit="s",
            width=8,
        ),
        Panel(
            "Age of samples at the decision",
            "How old the oldest sample of a metric was when it was decided on.",
            quantiles("wpa_scaler_sample_age_seconds"),
            unit="s",
            width=8,
        ),
        Panel(
            "Evaluations by rule",
            "Per second, by the rule that bound them; crash and deadline are failures of ours.",
            (rates("wpa_scaler_evaluations_total", "rule"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "Readings by state",
            "Metric values that were read for decisions, per second.",
            (rates("wpa_scaler_readings_total", "type", "state"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "API writes by cause",
            "What was written to the Kubernetes API, per second.",
            (rates("wpa_scaler_api_writes_total", "cause"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "API requests by code",
            "All requests to the Kubernetes API, per second; code 0 had no answer.",
            (rates("wpa_scaler_api_requests_total", "code"),),
            unit="ops",
            width=8,
            stacked=True,
        ),
        Panel(
            "API latency",
            "99th percentile of the time to the answer, by verb.",
            quantiles("wpa_scaler_api_request_duration_seconds", "verb")[1:],
            unit="s",
            width=8,
        ),
        Panel(
            "Recommenders",
            "Requests to recommenders per second by code; 0 where no autoscaler has one.",
            (rates_or_none("http_client_requests_total", "code"),),
            unit="ops",
            width=8,
        ),
        Panel(
            "Trouble",
            "Per second: turns that found the evaluation before unfinished, status writes that "
            "failed, events that were dropped, lists that had to be made again.",
            (
                Query(f"sum(rate(wpa_scaler_overruns_total{EVERY}))", "overruns"),
                Query(
                    f"sum(rate(wpa_scaler_status_write_failures_total{EVERY}))",
                    "failed status writes",
                ),
                Query(
                    f'sum(rate(wpa_scaler_events_total{{outcome="dropped"}}{EVERY}))',
                    "dropped events",
                ),
                Query(f"sum(rate(wpa_scaler_relists_total{EVERY})) or vector(0)", "relists"),
            ),
            unit="ops",
            width=8,
        ),
    ),
)
