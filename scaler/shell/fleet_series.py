"""The fleet breaker as series: its state, what it counts, what it holds back."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from scaler.core.fleet import FleetBreaker, State
from scaler.core.fleet_evidence import Kind
from scaler.core.own_gauges import PROGRAM
from scaler.core.trace import FLEET_RULES
from scaler.state.catalogue import Catalogue

STATES: Final[tuple[State, ...]] = ("open", "thawing")
KINDS: Final[tuple[Kind, ...]] = ("overall", "source", "metric")


def fleet_families(breaker: FleetBreaker, catalogue: Catalogue) -> Iterator[Metric]:
    """The families as of now."""
    state = GaugeMetricFamily(
        f"{PROGRAM}_fleet_breaker_state",
        "1 while the fleet breaker is open (nothing shrinks), or thawing (little at a time).",
        labels=["state"],
    )
    for name in STATES:
        state.add_metric([name], breaker.state == name)
    yield state
    metrics = GaugeMetricFamily(
        f"{PROGRAM}_fleet_metrics",
        "Metrics that the fleet breaker counts: fresh, or degraded since they were.",
        labels=["state"],
    )
    metrics.add_metric(["fresh"], breaker.metrics.fresh)
    metrics.add_metric(["degraded"], breaker.metrics.degraded)
    yield metrics
    opened = CounterMetricFamily(
        f"{PROGRAM}_fleet_breaker_opened",
        "Times the fleet breaker opened, by what lacked too many metrics: all of them (overall), "
        "one source, or one metric's name.",
        labels=["group"],
    )
    for kind in KINDS:
        opened.add_metric([kind], breaker.opened[kind])
    yield opened
    held = GaugeMetricFamily(
        f"{PROGRAM}_fleet_held_replicas",
        "Replicas that would have gone at the latest evaluations but for the fleet breaker.",
        labels=["rule"],
    )
    for rule, count in _held(catalogue).items():
        held.add_metric([rule], count)
    yield held


def _held(catalogue: Catalogue) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(sorted(FLEET_RULES), 0)
    for entry in catalogue:
        if entry.last is not None and not entry.last.spec.dry_run:
            step = entry.last.decision.binding
            if step.rule in counts:
                counts[step.rule] += step.after - step.before
    return counts
