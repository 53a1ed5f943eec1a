"""Labels of autoscalers as labels of a series to join with: DD_LABELS_AS_TAGS (W-M10)."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from scaler.core.spec import Spec

FIXED: Final = ("wpa_name", "wpa_namespace", "resource_namespace", "namespace", "dry_run")
"""What the series carries besides."""

_NOT_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class LabelTag(Struct, frozen=True):
    """A label of the object, and the name it has in the series."""

    key: str
    name: str


def read_label_tags(text: str) -> tuple[LabelTag, ...]:
    """The labels in a list that is separated by blanks. Raises ValueError naming those that clash.

    What Prometheus does not allow in a name becomes `_`: `app.kubernetes.io/name` is
    `app_kubernetes_io_name`.
    """
    tags: dict[str, LabelTag] = {}
    for key in dict.fromkeys(text.split()):
        name = _NOT_A_NAME.sub("_", key)
        name = f"_{name}" if name[0].isdigit() else name
        if name in FIXED:
            raise ValueError(f"{key!r}: the series has a label {name} of its own")
        if name.startswith("__"):
            raise ValueError(f"{key!r}: names that begin with __ belong to Prometheus")
        if name in tags:
            raise ValueError(f"{tags[name].key!r} and {key!r} are both {name} in the series")
        tags[name] = LabelTag(key, name)
    return tuple(tags.values())


def label_values(
    tags: tuple[LabelTag, ...], spec: Spec, labels: Mapping[str, str] | None
) -> list[str]:
    """The values in the order of `tags`, "" for a label that is not there; then the fixed ones."""
    found = labels or {}
    return [
        *(found.get(tag.key, "") for tag in tags),
        spec.name,
        spec.namespace,
        spec.namespace,
        spec.namespace,
        "true" if spec.dry_run else "false",
    ]
