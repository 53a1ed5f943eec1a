"""The columns that built-in kinds show after their name; events show theirs at the end."""

from collections.abc import Mapping
from typing import Any, Final

from kube.vocab.times import Millis
from sandbox.apiserver.kinds.resources import (
    APISERVICES,
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CONFIGMAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICASETS,
    ROLEBINDINGS,
    ROLES,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Column,
    Key,
    Object,
)
from sandbox.apiserver.tables import cells
from sandbox.apiserver.tables.cells import Cell, at

Entry = tuple[Column, Cell | None]
"""A column, and its cell where a path into the object does not say it."""

_AGE: Final[Entry] = (Column("Age", ".metadata.creationTimestamp", "date"), None)
_CREATED: Final[Entry] = (Column("Created At", ".metadata.creationTimestamp", "string"), None)


def _path(name: str, path: str, kind: str = "string", priority: int = 0) -> Entry:
    return (Column(name, path, kind, priority), None)


def _count(name: str, path: str, kind: str = "integer") -> Entry:
    """A number that is 0 when nobody has written it yet; some kinds call it text."""
    steps = path.split(".")[1:]

    def cell(obj: Object, _now: Millis) -> Any:
        return at(obj, *steps) or 0

    return (Column(name, type=kind), cell)


def _made(name: str, cell: Cell, kind: str = "string", priority: int = 0) -> Entry:
    return (Column(name, type=kind, priority=priority), cell)


_WIDE_WORKLOAD: Final = (
    _made("Containers", cells.containers("name"), priority=1),
    _made("Images", cells.containers("image"), priority=1),
    _made("Selector", cells.selector, priority=1),
)

BUILT_IN_COLUMNS: Final[Mapping[Key, tuple[Entry, ...]]] = {
    NAMESPACES.key: (_path("Status", ".status.phase"), _AGE),
    PODS.key: (
        _made("Ready", cells.pod_ready),
        _made("Status", cells.pod_status),
        _made("Restarts", cells.pod_restarts),
        _AGE,
        _path("IP", ".status.podIP", priority=1),
        _path("Node", ".spec.nodeName", priority=1),
    ),
    NODES.key: (
        _made("Status", cells.node_status),
        _made("Roles", cells.node_roles),
        _AGE,
        _path("Version", ".status.nodeInfo.kubeletVersion"),
    ),
    EVENTS.key: (
        _made("Last Seen", cells.event_seen),
        _path("Type", ".type"),
        _path("Reason", ".reason"),
        _made("Object", cells.event_object),
        _path("Message", ".message"),
        _path("Name", ".metadata.name", priority=1),
    ),
    CONFIGMAPS.key: (_made("Data", cells.entries), _AGE),
    SECRETS.key: (_path("Type", ".type"), _made("Data", cells.entries), _AGE),
    SERVICES.key: (
        _path("Type", ".spec.type"),
        _made("Cluster-IP", cells.cluster_ip),
        _made("External-IP", cells.external),
        _made("Port(s)", cells.ports),
        _AGE,
    ),
    DEPLOYMENTS.key: (
        _made("Ready", cells.ready_of_wanted),
        _count("Up-to-date", ".status.updatedReplicas", "string"),
        _count("Available", ".status.availableReplicas", "string"),
        _AGE,
        *_WIDE_WORKLOAD,
    ),
    REPLICASETS.key: (
        _count("Desired", ".spec.replicas"),
        _count("Current", ".status.replicas"),
        _count("Ready", ".status.readyReplicas"),
        _AGE,
        *_WIDE_WORKLOAD,
    ),
    STATEFULSETS.key: (_made("Ready", cells.ready_of_wanted), _AGE, *_WIDE_WORKLOAD[:2]),
    LEASES.key: (_path("Holder", ".spec.holderIdentity"), _AGE),
    DEFINITIONS.key: (_CREATED,),
    APISERVICES.key: (_made("Service", cells.backend), _made("Available", cells.available), _AGE),
    ROLES.key: (_CREATED,),
    CLUSTERROLES.key: (_CREATED,),
    ROLEBINDINGS.key: (_made("Role", cells.role), _AGE),
    CLUSTERROLEBINDINGS.key: (_made("Role", cells.role), _AGE),
    POD_DISRUPTION_BUDGETS.key: (
        _made("Min Available", cells.or_none("spec", "minAvailable")),
        _made("Max Unavailable", cells.or_none("spec", "maxUnavailable")),
        _count("Allowed Disruptions", ".status.disruptionsAllowed"),
        _AGE,
    ),
}
