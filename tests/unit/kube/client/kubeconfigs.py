"""Kubeconfig files for tests."""

from pathlib import Path
from typing import Any

import trustme
import yaml


def kubeconfig(
    folder: Path,
    *,
    name: str = "config",
    user: Any = None,
    context: str | None = "c",
    namespace: str | None = None,
    **cluster: Any,
) -> str:
    """A kubeconfig with one context "c"."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "k", "cluster": {"server": "https://k.example:6443/"} | cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    if namespace is not None:
        document["contexts"][0]["context"]["namespace"] = namespace
    if context is not None:
        document["current-context"] = context
    path = folder / name
    path.write_text(yaml.safe_dump(document))
    return str(path)


def service_account(folder: Path, token: str) -> dict[str, str]:
    """A pod's service account; returns the pod's environment."""
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    return {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
