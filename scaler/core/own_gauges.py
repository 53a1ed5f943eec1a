"""What an evaluation shows in series of our own, beside upstream's: which rule bound it, on what
evidence, and what the target looks like (landscape: observability; D27).

They carry the object's two names only, so that they go on while a switch of `dry_run` gives
upstream's series another identity; join on them where the others' labels are wanted.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from kube.vocab.times import SECOND
from scaler.core.spec import Spec
from scaler.core.timing import delay_left
from scaler.core.trace import Decision

PROGRAM: Final = "wpa_scaler"
"""What all series of ours begin with."""
NAMES: Final = ("wpa_namespace", "wpa_name")
"""The labels that each of these series begins with."""


class Meaning(Struct, frozen=True):
    """What a gauge means, and the labels it has after the object's names."""

    help: str
    labels: tuple[str, ...] = ()


FAMILIES: Final = {
    "binding_rule": Meaning("1 for the rule that bound the last evaluation.", ("rule",)),
    "evidence_state": Meaning(
        "1 for the state of a metric's value at the last evaluation.", ("metric_name", "state")
    ),
    "evidence_age_seconds": Meaning(
        "Age of a metric's oldest sample at the last evaluation.", ("metric_name",)
    ),
    "spec_replicas": Meaning("Replicas that are asked of the target."),
    "running_replicas": Meaning("Replicas that the target reports."),
    "owned_pods": Meaning("The target's pods without those that ended, failed or are going."),
    "ready_pods": Meaning("The target's Ready pods."),
    "min_available_ratio": Meaning(
        "Share of the target's pods that has to be Ready, or nothing is scaled; 0 asks for none."
    ),
    "counted_pods": Meaning("Those of them that are old enough to count."),
    "foreign_pods": Meaning("Pods under the target's selector that belong to others."),
    "delay_countdown_seconds": Meaning(
        "Time a value must stay beyond its watermark until the delay of a direction is over; 0 "
        "while none runs.",
        ("transition",),
    ),
}
"""Every gauge by name without prefix."""


class OwnGauge(Struct, frozen=True, gc=False):
    """One sample; `labels` follow the object's names."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def own_gauges(spec: Spec, decision: Decision) -> Iterator[OwnGauge]:
    """The samples that follow from `decision`; what was not looked at has none."""
    yield OwnGauge("binding_rule", 1, (decision.rule,))
    if decision.target_seen:
        yield OwnGauge("spec_replicas", decision.current)
        yield OwnGauge("running_replicas", decision.running)
    if decision.pods is not None:
        yield OwnGauge("owned_pods", decision.pods.owned)
        yield OwnGauge("ready_pods", decision.pods.ready)
        yield OwnGauge("min_available_ratio", spec.min_available / 100)
        yield OwnGauge("counted_pods", decision.pods.counted)
        yield OwnGauge("foreign_pods", decision.pods.foreign)
    yield from _evidence(spec, decision)
    if decision.evaluated:
        memory, at = decision.memory, decision.at
        up = delay_left(memory.above, spec.up_delay, at) if memory.above.holds else 0
        down = delay_left(memory.below, spec.down_delay, at) if memory.below.holds else 0
        yield OwnGauge("delay_countdown_seconds", up / SECOND, ("upscale",))
        yield OwnGauge("delay_countdown_seconds", down / SECOND, ("downscale",))


def _evidence(spec: Spec, decision: Decision) -> Iterator[OwnGauge]:
    """By metric name: of two metrics with one name the later one shows, as in upstream's series."""
    readings = {
        signal.name: reading
        for signal, reading in zip(spec.signals, decision.readings, strict=False)
    }
    for name, reading in readings.items():
        yield OwnGauge("evidence_state", 1, (name, reading.state))
        if reading.at is not None:
            age = max(0, decision.at - reading.at) / SECOND
            yield OwnGauge("evidence_age_seconds", age, (name,))
