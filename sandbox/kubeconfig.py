"""Kubeconfig files for people and daemons that talk to a sandbox."""

import base64
from pathlib import Path
from typing import Any, Final

import yaml

_NAME: Final = "sandbox"


def write_kubeconfig(path: Path, *, url: str, ca_pem: bytes, user: str, token: str) -> Path:
    """Write a kubeconfig, readable by its owner alone, that presents `token`; returns `path`."""
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(kubeconfig(url=url, ca_pem=ca_pem, user=user, token=token)))
    return path


def kubeconfig(*, url: str, ca_pem: bytes, user: str, token: str) -> dict[str, Any]:
    """The content of a kubeconfig with one cluster, one user and one context."""
    authority = base64.b64encode(ca_pem).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": _NAME, "cluster": {"server": url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": user}}],
        "current-context": _NAME,
    }
