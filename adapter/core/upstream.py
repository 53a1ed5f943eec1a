"""How one Prometheus is reached: the flags' one, and those that the rule file names."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

DEFAULT: Final = ""
"""The name of the upstream that the command line describes."""


class Upstream(Struct, frozen=True):
    """How to reach one Prometheus. File names are "" where nothing is given."""

    url: str
    verb: Literal["POST", "GET"] = "POST"
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    token_file: str = ""
    username: str = ""
    """Of basic authentication; empty for none."""
    password_file: str = ""
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    """Parameters of every query beside Prometheus' own, such as Thanos' `partial_response`."""
    max_series: int = 5000
    max_concurrent: int = 32
    """Requests in flight at a time (external-metrics-api §17)."""
    max_queued: int = 1000
    """Requests that wait for their turn; further ones fail at once."""
