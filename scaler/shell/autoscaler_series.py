"""The series of each autoscaler for Prometheus: upstream's `wpa_controller_*`, and ours.

They are made from the catalogue at each scrape, so they are owned by their object and vanish with
it (D27): nothing has to be deleted, nothing can leak.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from scaler.core.exposition import Family, header, label_text, sample
from scaler.core.gauges import (
    COMMON_LABELS,
    EXTRA_LABEL,
    HELP,
    LIFECYCLE,
    LIFECYCLE_LABELS,
    PREFIX,
    common_values,
    gauges,
    lifecycle_values,
)
from scaler.core.label_tags import FIXED, LabelTag, label_values
from scaler.core.own_gauges import FAMILIES, NAMES, PROGRAM, own_gauges
from scaler.state.catalogue import Catalogue, Entry, Evaluated

AT_ONCE: Final = 100
"""Objects that are written before others get a turn: about 10 ms."""

_OWN: Final = f"{PROGRAM}_"
_UPSCALED: Final = f"{PREFIX}upscale_replicas_total"
_DOWNSCALED: Final = f"{PREFIX}downscale_replicas_total"
_LABELS_INFO: Final = f"{PREFIX}labels_info"
_RIVALS: Final = f"{PROGRAM}_conflicting_controllers"
_REVERSALS: Final = f"{PROGRAM}_direction_reversals_total"

_Line = tuple[str, str]
"""A series' name, and its line."""


class AutoscalerSeries:
    """The series of every evaluated autoscaler, as of its last evaluation."""

    def __init__(self, catalogue: Catalogue, tags: tuple[LabelTag, ...] = ()) -> None:
        """`tags` are the objects' labels that `wpa_controller_labels_info` carries."""
        self.families: Final = tuple(_families(tags))
        self._catalogue = catalogue
        self._tags = tags
        self._info_labels = (*(tag.name for tag in tags), *FIXED)

    async def text(self) -> bytes:
        """All families in Prometheus' text format. Others get their turns meanwhile."""
        lines: dict[str, list[str]] = {family.name: [header(family)] for family in self.families}
        for number, entry in enumerate(self._catalogue, 1):
            if entry.last is not None:
                for name, line in self._lines(entry, entry.last):
                    lines[name].append(line)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        return "".join(line for group in lines.values() for line in group).encode()

    def _lines(self, entry: Entry, last: Evaluated) -> Iterator[_Line]:
        common = label_text(COMMON_LABELS, common_values(last.spec))
        for gauge in gauges(last.spec, last.decision, entry.status):
            name, labels = PREFIX + gauge.name, common
            if gauge.label:
                labels = f"{common},{label_text((gauge.label,), (gauge.label_value,))}"
            yield name, sample(name, labels, gauge.value)
        monitor = last.decision.monitor
        if monitor is not None:
            labels = label_text(LIFECYCLE_LABELS, lifecycle_values(last.spec))
            yield LIFECYCLE, sample(LIFECYCLE, labels, monitor.blocks is not None)
        yield _UPSCALED, sample(_UPSCALED, common, entry.upscaled)
        yield _DOWNSCALED, sample(_DOWNSCALED, common, entry.downscaled)
        values = label_values(self._tags, last.spec, entry.autoscaler.metadata.labels)
        yield _LABELS_INFO, sample(_LABELS_INFO, label_text(self._info_labels, values), 1)
        yield _RIVALS, sample(_RIVALS, common, len(entry.rivals))
        names = label_text(NAMES, entry.key)
        yield _REVERSALS, sample(_REVERSALS, names, entry.reversals)
        for own in own_gauges(last.spec, last.decision):
            name, labels = _OWN + own.name, names
            if own.labels:
                labels = f"{names},{label_text(FAMILIES[own.name].labels, own.labels)}"
            yield name, sample(name, labels, own.value)


def _families(tags: tuple[LabelTag, ...]) -> Iterator[Family]:
    for name, text in HELP.items():
        extra = (EXTRA_LABEL[name],) if name in EXTRA_LABEL else ()
        yield Family(PREFIX + name, "gauge", text, (*COMMON_LABELS, *extra))
    text = "1 while the DatadogMonitor of an object with lifecycle control blocks it."
    yield Family(LIFECYCLE, "gauge", text, LIFECYCLE_LABELS)
    yield Family(_UPSCALED, "counter", "Replicas added.", COMMON_LABELS)
    yield Family(_DOWNSCALED, "counter", "Replicas removed.", COMMON_LABELS)
    text = "Always 1; the labels are those of the object that were asked for."
    yield Family(_LABELS_INFO, "gauge", text, (*(tag.name for tag in tags), *FIXED))
    text = "Other controllers that set the replica count of the target."
    yield Family(_RIVALS, "gauge", text, COMMON_LABELS)
    text = "Scalings in the other direction than the one before."
    yield Family(_REVERSALS, "counter", text, NAMES)
    for name, gauge in FAMILIES.items():
        yield Family(_OWN + name, "gauge", gauge.help, (*NAMES, *gauge.labels))
