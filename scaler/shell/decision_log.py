"""Log lines about autoscalers, each with the keys that name its object and its owner's own (W-G14).

A decision's lines are made only where they are seen: at info when it changes, at debug always.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final, Literal

from kube.service.logs import get_logger
from scaler.core.events import identity
from scaler.core.log_attributes import constant_keys, read_attributes
from scaler.core.log_lines import log_lines
from scaler.state.catalogue import Entry, Evaluated

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Final[Mapping[Level, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_log = get_logger("controllers.WatermarkPodAutoscaler")


def say(entry: Entry, level: Level, message: str, **fields: Any) -> None:
    """One line about `entry`."""
    _log.log(_LEVELS[level], message, **(_about(entry) | fields))


def say_decision(entry: Entry, last: Evaluated, before: Evaluated | None) -> None:
    """The lines of the evaluation `last`, given the one before."""
    about = _about(entry)
    changed = before is None or _identity(before) != _identity(last)
    seen: Level = "info" if changed or last.applied.kind in ("scaled", "failed") else "debug"
    if not _log.is_enabled_for(_LEVELS[seen]):
        return
    for line in log_lines(last.spec, last.decision, last.applied, changed=changed):
        _log.log(_LEVELS[line.level], line.message, **(about | line.fields))


def _identity(evaluated: Evaluated) -> tuple[object, ...]:
    return (evaluated.applied.kind, *identity(evaluated.decision))


def _about(entry: Entry) -> dict[str, Any]:
    """The keys of every line. A bad annotation is told once per version of the object (U39)."""
    meta = entry.autoscaler.metadata
    keys = constant_keys(meta.namespace, meta.name)
    attributes = read_attributes(meta.annotations)
    told = (meta.generation, attributes.problem)
    if attributes.problem and entry.attributes_told != told:
        entry.attributes_told = told
        _log.error("Cannot use the log attributes", **keys, error=attributes.problem)
    return {**attributes.values, **keys}
