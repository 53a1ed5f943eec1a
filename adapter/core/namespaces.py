"""Names of namespaces."""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def is_namespace(name: str) -> bool:
    """Whether Kubernetes allows `name` for a namespace: a DNS label."""
    return _NAME.fullmatch(name) is not None
