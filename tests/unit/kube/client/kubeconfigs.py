"""Kubeconfig files for tests."""

from pathlib import Path
from typing import Any

import yaml


def kubeconfig(
    folder: Path,
    *,
    name: str = "config",
    user: Any = None,
    context: str | None = "c",
    **cluster: Any,
) -> str:
    """A kubeconfig with one context "c"."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "k", "cluster": {"server": "https://k.example:6443/"} | cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    if context is not None:
        document["current-context"] = context
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return str(path)
