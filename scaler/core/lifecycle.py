"""Lifecycle control: a DatadogMonitor of the autoscaler's namespace and name that has to be OK.

An annotation switches it on. While the monitor is not OK, or nobody knows, the autoscaler is
blocked: nothing else is looked at, computed or corrected (wpa-behaviour §6, §19). Texts and reasons
are upstream's.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

ANNOTATION: Final = "wpa.datadoghq.com/lifecycle-control.enabled"
OK: Final = "OK"
"""The only state that lets the autoscaler proceed; case matters."""
REST_UNREADABLE: Final = 120.0
"""Seconds until the next evaluation: a monitor that is made now needs that long to have a state."""
REST_NOT_OK: Final = 60.0
"""Seconds until the next evaluation: monitors are evaluated once a minute."""

_ON: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_OFF: Final = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})

Block = Literal["monitor_unreadable", "monitor_not_ok"]
"""The rules by which a monitor blocks."""


class Lifecycle(Struct, frozen=True, gc=False):
    """What the annotation asks for; `problem` says why it is off although something is written."""

    on: bool = False
    problem: str = ""


class Monitor(Struct, frozen=True, array_like=True, gc=False):
    """A monitor as read: its state, None where it tells none, or why it could not be read."""

    state: str | None = None
    error: str = ""

    @property
    def blocks(self) -> Block | None:
        """The rule by which it blocks its autoscaler, None where it does not."""
        if self.error:
            return "monitor_unreadable"
        return None if self.state == OK else "monitor_not_ok"

    def told(self, title: str) -> str:
        """What it says of itself and its autoscaler; `title` is its `namespace/name`."""
        match self.blocks:
            case "monitor_unreadable":
                return f"monitor {title} not found, blocking the WPA from proceeding"
            case "monitor_not_ok" if self.state is None:
                return f"monitor {title} state not found, blocking the WPA from proceeding"
            case "monitor_not_ok":
                return f"monitor {title} is in {self.state} state, blocking the WPA from proceeding"
            case None:
                return f"monitor {title} is in a OK state, allowing the WPA from proceeding"


NOT_READ: Final = Monitor(error="the monitor was not read")


def read_lifecycle(annotations: Mapping[str, str]) -> Lifecycle:
    """What the annotation says in Go's words for true and false; anything else is off, and told."""
    text = annotations.get(ANNOTATION, "")
    if text in _ON or text in _OFF:
        return Lifecycle(text in _ON)
    shown = msgspec.json.encode(text).decode()
    return Lifecycle(problem=f"strconv.ParseBool: parsing {shown}: invalid syntax")


def rest_of(monitor: Monitor | None) -> float:
    """Seconds for which an autoscaler is left alone after `monitor` was seen."""
    block = None if monitor is None else monitor.blocks
    if block is None:
        return 0.0
    return REST_UNREADABLE if block == "monitor_unreadable" else REST_NOT_OK
