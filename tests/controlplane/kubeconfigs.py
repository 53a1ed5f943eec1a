"""Kubeconfig files: by certificate for the control plane, by token for service accounts."""

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane.pki import Pair


def with_certificate(file: Path, server: str, authority: Path, pair: Pair) -> Path:
    """Write a kubeconfig that names a client certificate."""
    user = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    return _write(file, server, authority, user)


def with_token(file: Path, server: str, authority: Path, token: str, namespace: str) -> Path:
    """Write a kubeconfig with a token and nothing else to prove who calls."""
    return _write(file, server, authority, {"token": token}, namespace)


def _write(
    file: Path, server: str, authority: Path, user: dict[str, Any], namespace: str = "default"
) -> Path:
    cluster = {
        "server": server,
        "certificate-authority-data": base64.b64encode(authority.read_bytes()).decode(),
    }
    context = {"cluster": "test", "user": "test", "namespace": namespace}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": context}],
        "current-context": "test",
    }
    file.write_text(yaml.safe_dump(content))
    file.chmod(0o600)
    return file
