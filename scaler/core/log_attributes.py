"""What every log line about an autoscaler carries: who it is about, and what its owner added.

Source: wpa-behaviour §6 and §24, W-G14, U39.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

LOGS_ATTRIBUTES: Final = "wpa.datadoghq.com/logs-attributes"

_TAKEN: Final = frozenset(
    {
        "level", "ts", "logger", "logger_name", "msg", "event", "exc_info", "exception", "self",
        "watermarkpodautoscaler", "wpa_name", "wpa_namespace",
    }
)  # fmt: skip
"""Keys that lines have already; overwritten they would make lines unreadable."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])


class Attributes(Struct, frozen=True):
    """The attributes to add, and what is wrong with the annotation ("" for nothing)."""

    values: Mapping[str, Any]
    problem: str = ""


def read_attributes(annotations: Mapping[str, str] | None) -> Attributes:
    """The attributes in the annotation. What cannot be used is named in `problem`, never raised."""
    text = (annotations or {}).get(LOGS_ATTRIBUTES, "")
    if not text:
        return Attributes({})
    try:
        found = _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        problem = f"annotation {LOGS_ATTRIBUTES}: {error}; a JSON object is wanted"
        return Attributes({}, problem)
    taken = sorted(key for key in found if key in _TAKEN)
    if not taken:
        return Attributes(found)
    values = {key: value for key, value in found.items() if key not in _TAKEN}
    problem = f"annotation {LOGS_ATTRIBUTES}: log lines have a key of their own: {', '.join(taken)}"
    return Attributes(values, problem)


def constant_keys(namespace: str, name: str) -> dict[str, str]:
    """The keys that name the object."""
    return {
        "watermarkpodautoscaler": f"{namespace}/{name}",
        "wpa_name": name,
        "wpa_namespace": namespace,
    }
