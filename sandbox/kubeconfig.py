"""Kubeconfig files for people and daemons that talk to a sandbox."""

import base64
from pathlib import Path
from typing import Any, Final

import yaml

_NAME: Final = "sandbox"


def write_kubeconfig(path: Path, *, url: str, ca_pem: bytes, user: str, token: str) -> Path:
    """Write a kubeconfig, readable by its owner alone, that presents `token`; returns `path`.

    The file appears whole: others wait for it and read it at once.
    """
    content = yaml.safe_dump(kubeconfig(url=url, ca_pem=ca_pem, user=user, token=token))
    draft = path.with_name(f".{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(content)
    return draft.replace(path)


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
