"""Counts and distributions over all evaluations: how old, how late, on what evidence."""

from collections import Counter
from collections.abc import Iterable

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, Metric

from kube.vocab.times import SECOND
from scaler.core.own_gauges import PROGRAM
from scaler.core.recommender import Recommender
from scaler.core.spec import Spec
from scaler.core.trace import Decision


class Measures:
    """What evaluations leave behind for the daemon's series."""

    def __init__(self) -> None:
        self.scales = 0
        """Replica counts that were written."""
        self._readings: Counter[tuple[str, str]] = Counter()
        self._age = Histogram(
            f"{PROGRAM}_sample_age_seconds",
            "Age of a metric's oldest sample at the decision.",
            buckets=(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 3600),
            registry=None,
        )
        self._lag = Histogram(
            f"{PROGRAM}_decision_lag_seconds",
            "Time from an evaluation's turn to its decision.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 60),
            registry=None,
        )

    def decided(self, spec: Spec, decision: Decision, lag: float) -> None:
        """A decision was made, `lag` seconds after its turn."""
        self._lag.observe(max(0.0, lag))
        for signal, reading in zip(spec.signals, decision.readings, strict=False):
            kind = "Recommender" if isinstance(signal, Recommender) else signal.kind
            self._readings[kind, reading.state] += 1
            if reading.at is not None:
                self._age.observe(max(0, decision.at - reading.at) / SECOND)

    def collect(self) -> Iterable[Metric]:
        """The series as of now."""
        yield from self._age.collect()
        yield from self._lag.collect()
        family = CounterMetricFamily(
            f"{PROGRAM}_readings",
            "Metric values that decisions were based on, by the metric's type and their state.",
            labels=["type", "state"],
        )
        for labels, count in sorted(self._readings.items()):
            family.add_metric(labels, count)
        yield family
