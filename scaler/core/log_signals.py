"""The log lines about each signal of a decision: its value, its marks, what it proposes (§24)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from kube.vocab.quantity import format_milli
from kube.vocab.times import SECOND, Millis
from scaler.core.messages import reading_text, reference
from scaler.core.metric_spec import Metric
from scaler.core.observed import Reading
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.core.watermarks import Proposal

Said = tuple[str, dict[str, Any]]
"""A message and its keys."""

_REGION: Final = {
    "above": "Value is above highMark",
    "below": "Value is below lowMark",
    "inside": "Within bounds of the watermarks",
}


def signal_lines(spec: Spec, decision: Decision, index: int, reading: Reading) -> Iterator[Said]:
    """What the metric of that index, or the recommender, has to say."""
    signal = spec.signals[index]
    proposal = decision.proposals[index] if index < len(decision.proposals) else None
    counted = decision.pods.counted if decision.pods else 0
    if not reading.good:
        text = reading_text(reading)
        fields = {"metricName": signal.display, "state": reading.state, "error": text}
        yield "The metric is unavailable", fields
    if isinstance(signal, Metric):
        yield from _values(signal, decision, reading)
        kind = f"{signal.kind} Metric"
    else:
        kind = "Replicas Recommender"
    if proposal is None:
        return
    if isinstance(signal, Metric) and proposal.region != "zero":
        yield _REGION[proposal.region], _comparison(spec, signal, proposal, counted)
    yield (
        f"{kind} replica calculation",
        {
            "metricName": signal.display,
            "replicaCount": proposal.replicas,
            "utilizationQuantity": proposal.usage,
            "timestamp": _rfc1123(reading.at),
            "currentReadyReplicas": counted,
        },
    )
    yield (
        "Proposing replicas",
        {
            "proposedReplicas": proposal.replicas,
            "metricName": signal.display,
            "reference": reference(spec),
            "metric timestamp": _rfc1123(reading.at),
        },
    )


def _values(metric: Metric, decision: Decision, reading: Reading) -> Iterator[Said]:
    """The sum that was read; upstream lists the series, of which a decision knows the number."""
    if not reading.good:
        return
    if metric.kind == "External":
        fields = {"metrics": [reading.value], "series": reading.series}
        yield "Metrics from the External Metrics Provider", fields
    elif decision.pods is not None:
        pods = decision.pods
        yield (
            "groupPods",
            {
                "ready": reading.series,
                "missing": reading.missing,
                "ignored": pods.listed - pods.foreign - pods.counted,
                "incorrect target": pods.foreign,
            },
        )


def _comparison(spec: Spec, metric: Metric, proposal: Proposal, counted: int) -> dict[str, Any]:
    return {
        "usage": format_milli(proposal.usage),
        "replicaCount": proposal.replicas,
        "currentReadyReplicas": counted,
        "tolerance (%)": _fraction(spec.tolerance, 10),
        "adjustedLM": _fraction(metric.low * (1000 - spec.tolerance), 1000),
        "adjustedHM": _fraction(metric.high * (1000 + spec.tolerance), 1000),
        "adjustedUsage": proposal.usage,
    }


def _fraction(numerator: int, denominator: int) -> int | float:
    """A whole number as one, however large."""
    whole, rest = divmod(numerator, denominator)
    return numerator / denominator if rest else whole


def _rfc1123(moment: Millis | None) -> str | None:
    """As upstream prints metric times: `Tue, 15 Nov 2022 03:53:20 UTC`; None is unknown."""
    if moment is None:
        return None
    try:
        when = datetime.fromtimestamp(moment // SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return (
        f"{_DAYS[when.weekday()]}, {when.day:02d} {_MONTHS[when.month - 1]} {when:%Y %H:%M:%S} UTC"
    )


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
