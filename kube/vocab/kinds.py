"""Kinds as objects name them: `apiVersion` and kind."""

from typing import Final

WELL_KNOWN: Final = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
}
"""`apiVersion` of the kinds that may be named without one."""


def group_of(api_version: str) -> tuple[str, str]:
    """Group and version of an `apiVersion`: "apps/v1" → ("apps", "v1"), "v1" → ("", "v1")."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)
