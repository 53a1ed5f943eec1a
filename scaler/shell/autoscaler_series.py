"""The series of each autoscaler for Prometheus: upstream's `wpa_controller_*`, and ours.

They are made from the catalogue at each scrape, so they are owned by their object and vanish with
it (D27): nothing has to be deleted, nothing can leak.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from scaler.core.gauges import COMMON_LABELS, EXTRA_LABEL, HELP, PREFIX, common_values, gauges
from scaler.core.label_tags import FIXED, LabelTag, label_values
from scaler.core.own_gauges import FAMILIES, NAMES, PROGRAM, own_gauges
from scaler.state.catalogue import Catalogue, Entry, Evaluated


class _Row(Struct, frozen=True):
    """An object that was evaluated, and its label values."""

    entry: Entry
    last: Evaluated
    common: list[str]
    names: tuple[str, str]


class Autoscalers(Collector):
    """The series of every evaluated autoscaler, as of its last evaluation."""

    def __init__(self, catalogue: Catalogue, tags: tuple[LabelTag, ...] = ()) -> None:
        """`tags` are the objects' labels that `wpa_controller_labels_info` carries."""
        self._catalogue = catalogue
        self._tags = tags

    def collect(self) -> Iterable[Metric]:
        """All families, also those without a sample."""
        rows = [
            _Row(entry, entry.last, common_values(entry.last.spec), entry.key)
            for entry in self._catalogue
            if entry.last is not None
        ]
        yield from _gauges(rows)
        yield from _totals(rows)
        yield self._labels_info(rows)
        yield from _own_gauges(rows)
        yield _rivals(rows)
        yield _reversals(rows)

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before the first scrape."""
        return ()

    def _labels_info(self, rows: list[_Row]) -> Metric:
        family = GaugeMetricFamily(
            PREFIX + "labels_info",
            "Always 1; the labels are those of the object that were asked for.",
            labels=[*(tag.name for tag in self._tags), *FIXED],
        )
        for row in rows:
            labels = row.entry.autoscaler.metadata.labels
            family.add_metric(label_values(self._tags, row.last.spec, labels), 1)
        return family


def _gauges(rows: list[_Row]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(
            PREFIX + name,
            text,
            labels=[*COMMON_LABELS, *([EXTRA_LABEL[name]] if name in EXTRA_LABEL else [])],
        )
        for name, text in HELP.items()
    }
    for row in rows:
        for gauge in gauges(row.last.spec, row.last.decision, row.entry.status):
            extra = [gauge.label_value] if gauge.label else []
            families[gauge.name].add_metric([*row.common, *extra], gauge.value)
    yield from families.values()


def _totals(rows: list[_Row]) -> Iterator[Metric]:
    up = CounterMetricFamily(PREFIX + "upscale_replicas", "Replicas added.", labels=COMMON_LABELS)
    down = CounterMetricFamily(
        PREFIX + "downscale_replicas", "Replicas removed.", labels=COMMON_LABELS
    )
    for row in rows:
        up.add_metric(row.common, row.entry.upscaled)
        down.add_metric(row.common, row.entry.downscaled)
    yield up
    yield down


def _own_gauges(rows: list[_Row]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(f"{PROGRAM}_{name}", family.help, labels=[*NAMES, *family.labels])
        for name, family in FAMILIES.items()
    }
    for row in rows:
        for gauge in own_gauges(row.last.spec, row.last.decision):
            families[gauge.name].add_metric([*row.names, *gauge.labels], gauge.value)
    yield from families.values()


def _rivals(rows: list[_Row]) -> Metric:
    family = GaugeMetricFamily(
        f"{PROGRAM}_conflicting_controllers",
        "Other controllers that set the replica count of the target.",
        labels=COMMON_LABELS,
    )
    for row in rows:
        family.add_metric(row.common, len(row.entry.rivals))
    return family


def _reversals(rows: list[_Row]) -> Metric:
    family = CounterMetricFamily(
        f"{PROGRAM}_direction_reversals",
        "Scalings in the other direction than the one before.",
        labels=NAMES,
    )
    for row in rows:
        family.add_metric(row.names, row.entry.reversals)
    return family
