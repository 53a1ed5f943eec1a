"""Who we are in the election of the one scaler that acts."""

import os
import socket
import uuid
from pathlib import Path
from typing import Final

LEASE: Final = "watermarkpodautoscaler-lock"
"""Name of the Lease, as upstream's: the two never act side by side."""
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def own_namespace() -> str:
    """The namespace of our pod, `default` outside of one."""
    named = os.environ.get("POD_NAMESPACE", "").strip()
    if named:
        return named
    try:
        return _NAMESPACE_FILE.read_text().strip() or "default"
    except OSError:
        return "default"


def identity() -> str:
    """A name that no other process ever had: host and a random part."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"
