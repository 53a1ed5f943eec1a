"""docs/metrics.md: every series of both daemons, in tables."""

from collections.abc import Iterable, Sequence
from typing import Final, get_args

from msgspec import Struct

from observability.families import Family
from scaler.core.gauges import COMMON_LABELS
from scaler.core.observed import ReadingState
from scaler.core.trace import Rule
from scaler.shell.series import WRITE_CAUSES

_INTRODUCTION: Final = """# Metrics

Made from the code by `make docs`; do not edit. A test fails while this page is stale.

`wpa-scaler` serves its series on `:8383/metrics`, plain. `wpa-adapter` serves its own on
`/metrics` of the secure port, to those who may `get` that path; `--metrics-port` adds a plain
port. [Dashboards](dashboards.md) show them.

Names, labels and units of `wpa_controller_*` are upstream's, so that dashboards made for it go on
working; that is also why some are in thousandths. Everything else is in base units. The series of
an autoscaler belong to it: they are made anew at each scrape and vanish with their object. A
metric without a value has no value series: a gap is not a zero.

Histograms have the usual `_bucket`, `_sum` and `_count`; counters and histograms also have a
`_created` series with the time they began. Both daemons serve the `process_*` (on Linux: memory,
CPU, file descriptors, start time), `python_gc_*` and `python_info` families of the Python client
besides.

`wpa_controller_lifecycle_control_status` is there for objects with lifecycle control only.
`wpa_controller_labels_info` has, besides the labels below, one label for each that
`DD_LABELS_AS_TAGS` or `--labels-as-tags` names; characters that Prometheus does not allow become
`_`.
"""

_UNITS: Final = (
    ("_timestamp_seconds", "seconds since 1970"),
    ("_not_after_timestamp_seconds", "seconds since 1970"),
    ("_start_time_seconds", "seconds since 1970"),
    ("_seconds", "seconds"),
    ("_seconds_total", "seconds"),
    ("_countdown", "seconds"),
    ("_bytes", "bytes"),
    ("_replicas", "replicas"),
    ("_replicas_total", "replicas"),
    ("_proposal", "replicas"),
    ("_effective", "replicas"),
    ("_pods", "pods"),
    ("controller_value", "thousandths"),
    ("_watermark", "thousandths"),
    ("_watermak", "thousandths"),
)
"""Endings of names, and the unit they stand for; a longer match comes first."""


class Section(Struct, frozen=True):
    """One table; `prefixes` of the names it holds, `of_objects` for series of an autoscaler."""

    title: str
    prefixes: tuple[str, ...]
    of_objects: bool = False


_SCALER: Final = (
    Section("Of an autoscaler, upstream's", ("wpa_controller_",), True),
    Section("Of an autoscaler, ours", ("wpa_scaler_",), True),
    Section("Of wpa-scaler", ("wpa_scaler_",)),
    Section("Of its calls to recommenders, upstream's", ("http_client_",)),
)
_ADAPTER: Final = (Section("Of wpa-adapter", ("wpa_adapter_",)),)
_VALUES: Final = (
    ("rule", "what bound an evaluation", (*get_args(Rule), "deadline", "crash")),
    ("state", "of a metric's value", get_args(ReadingState)),
    ("cause", "of a write", tuple(WRITE_CAUSES)),
)
"""Labels with a closed set of values that is worth knowing."""


def metrics_page(scaler: Sequence[Family], adapter: Sequence[Family]) -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    parts += [_table(section, scaler) for section in _SCALER]
    parts += [_table(section, adapter) for section in _ADAPTER]
    return "\n".join([*parts, _label_values()])


def unit_of(family: Family) -> str:
    """The unit, read off the name: "1" for plain counts and switches."""
    return next((unit for ending, unit in _UNITS if family.name.endswith(ending)), "1")


def _table(section: Section, families: Iterable[Family]) -> str:
    rows = [
        f"| `{one.name}` | {one.type} | {_labels(one)} | {unit_of(one)} | {one.help} |"
        for one in sorted(families, key=lambda family: family.name)
        if one.name.startswith(section.prefixes)
        and ("wpa_name" in one.labels) == section.of_objects
    ]
    head = "| series | type | labels | unit | meaning |\n| --- | --- | --- | --- | --- |"
    return f"## {section.title}\n\n{head}\n" + "\n".join(rows) + "\n"


def _label_values() -> str:
    rows = [("common", "of an autoscaler", COMMON_LABELS), *_VALUES]
    lines = [f"| {name} | {what} | {_listed(values)} |" for name, what, values in rows]
    head = "| label | | values |\n| --- | --- | --- |"
    return f'## Labels\n\n"common" stands for eight labels.\n\n{head}\n' + "\n".join(lines) + "\n"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _labels(family: Family) -> str:
    labels = list(family.labels)
    shown = [f"`{name}`" for name in labels]
    if tuple(labels[: len(COMMON_LABELS)]) == COMMON_LABELS:
        shown = ["common", *shown[len(COMMON_LABELS) :]]
    return ", ".join(shown) or "none"
