"""The columns that built-in kinds show after their name."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from kube.vocab.selectors import LabelSelector, selector_of
from kube.vocab.times import Millis
from sandbox.apiserver.ages import age
from sandbox.apiserver.resources import (
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

Cell = Callable[[Object, Millis], Any]
Entry = tuple[Column, Cell | None]
"""A column, and its cell where a path into the object does not say it."""

_AGE: Final[Entry] = (Column("Age", ".metadata.creationTimestamp", "date"), None)
_CREATED: Final[Entry] = (Column("Created At", ".metadata.creationTimestamp", "string"), None)


def _path(name: str, path: str, kind: str = "string", priority: int = 0) -> Entry:
    return (Column(name, path, kind, priority), None)


def _count(name: str, path: str) -> Entry:
    """A number that is 0 when nobody has written it yet."""
    steps = path.split(".")[1:]

    def cell(obj: Object, _now: Millis) -> Any:
        return _at(obj, *steps) or 0

    return (Column(name, type="integer"), cell)


def _made(name: str, cell: Cell, kind: str = "string", priority: int = 0) -> Entry:
    return (Column(name, type=kind, priority=priority), cell)


def _at(obj: Object, *steps: str) -> Any:
    found: Any = obj
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _pod_ready(pod: Object, _now: Millis) -> str:
    statuses = _at(pod, "status", "containerStatuses") or []
    total = len(_at(pod, "spec", "containers") or [])
    return f"{sum(bool(item.get('ready')) for item in statuses)}/{total}"


def _pod_status(pod: Object, _now: Millis) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for item in _at(pod, "status", "containerStatuses") or ():
        state = item.get("state") or {}
        for kind in ("waiting", "terminated"):
            reason = (state.get(kind) or {}).get("reason")
            if reason:
                return str(reason)
    return str(_at(pod, "status", "reason") or _at(pod, "status", "phase") or "Unknown")


def _pod_restarts(pod: Object, _now: Millis) -> str:
    statuses = _at(pod, "status", "containerStatuses") or []
    return str(sum(item.get("restartCount", 0) for item in statuses))


def _ready_of_wanted(obj: Object, _now: Millis) -> str:
    return f"{_at(obj, 'status', 'readyReplicas') or 0}/{_at(obj, 'spec', 'replicas') or 0}"


def _containers(field: str) -> Cell:
    def cell(obj: Object, _now: Millis) -> str:
        containers = _at(obj, "spec", "template", "spec", "containers") or []
        return ",".join(str(item.get(field, "")) for item in containers)

    return cell


def _selector(obj: Object, _now: Millis) -> str:
    return str(selector_of(msgspec.convert(_at(obj, "spec", "selector") or {}, LabelSelector)))


def _condition(obj: Object, kind: str) -> Object:
    for item in _at(obj, "status", "conditions") or ():
        if item.get("type") == kind:
            return dict(item)
    return {}


def _node_status(node: Object, _now: Millis) -> str:
    ready = _condition(node, "Ready").get("status")
    text = {"True": "Ready", "False": "NotReady"}.get(ready or "", "Unknown")
    return f"{text},SchedulingDisabled" if _at(node, "spec", "unschedulable") else text


def _node_roles(node: Object, _now: Millis) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = _at(node, "metadata", "labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    return ",".join(roles) or "<none>"


def _event_seen(event: Object, now: Millis) -> str:
    series = _at(event, "series", "lastObservedTime")
    return age(series or event.get("lastTimestamp") or event.get("eventTime"), now)


def _event_object(event: Object, _now: Millis) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _entries(obj: Object, _now: Millis) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def _ports(service: Object, _now: Millis) -> str:
    ports = _at(service, "spec", "ports") or []
    shown = ",".join(f"{item.get('port')}/{item.get('protocol', 'TCP')}" for item in ports)
    return shown or "<none>"


def _cluster_ip(service: Object, _now: Millis) -> str:
    return _at(service, "spec", "clusterIP") or "<none>"


def _external(service: Object, _now: Millis) -> str:
    return _at(service, "spec", "externalName") or "<none>"


def _backend(apiservice: Object, _now: Millis) -> str:
    service = _at(apiservice, "spec", "service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def _available(apiservice: Object, _now: Millis) -> str:
    available = _condition(apiservice, "Available")
    if not available:
        return "Unknown"
    if available.get("status") == "True":
        return "True"
    return f"{available.get('status')} ({available.get('reason', '')})"


def _role(binding: Object, _now: Millis) -> str:
    return f"{_at(binding, 'roleRef', 'kind')}/{_at(binding, 'roleRef', 'name')}"


def _or_none(*steps: str) -> Cell:
    def cell(obj: Object, _now: Millis) -> str:
        found = _at(obj, *steps)
        return "N/A" if found is None else str(found)

    return cell


_WIDE_WORKLOAD: Final = (
    _made("Containers", _containers("name"), priority=1),
    _made("Images", _containers("image"), priority=1),
    _made("Selector", _selector, priority=1),
)

BUILT_IN_COLUMNS: Final[Mapping[Key, tuple[Entry, ...]]] = {
    NAMESPACES.key: (_path("Status", ".status.phase"), _AGE),
    PODS.key: (
        _made("Ready", _pod_ready),
        _made("Status", _pod_status),
        _made("Restarts", _pod_restarts),
        _AGE,
        _path("IP", ".status.podIP", priority=1),
        _path("Node", ".spec.nodeName", priority=1),
    ),
    NODES.key: (
        _made("Status", _node_status),
        _made("Roles", _node_roles),
        _AGE,
        _path("Version", ".status.nodeInfo.kubeletVersion"),
    ),
    EVENTS.key: (
        _made("Last Seen", _event_seen),
        _path("Type", ".type"),
        _path("Reason", ".reason"),
        _made("Object", _event_object),
        _path("Message", ".message"),
    ),
    CONFIGMAPS.key: (_made("Data", _entries, "integer"), _AGE),
    SECRETS.key: (_path("Type", ".type"), _made("Data", _entries, "integer"), _AGE),
    SERVICES.key: (
        _path("Type", ".spec.type"),
        _made("Cluster-IP", _cluster_ip),
        _made("External-IP", _external),
        _made("Port(s)", _ports),
        _AGE,
    ),
    DEPLOYMENTS.key: (
        _made("Ready", _ready_of_wanted),
        _count("Up-to-date", ".status.updatedReplicas"),
        _count("Available", ".status.availableReplicas"),
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
    STATEFULSETS.key: (_made("Ready", _ready_of_wanted), _AGE, *_WIDE_WORKLOAD[:2]),
    LEASES.key: (_path("Holder", ".spec.holderIdentity"), _AGE),
    DEFINITIONS.key: (_CREATED,),
    APISERVICES.key: (_made("Service", _backend), _made("Available", _available), _AGE),
    ROLES.key: (_CREATED,),
    CLUSTERROLES.key: (_CREATED,),
    ROLEBINDINGS.key: (_made("Role", _role), _AGE),
    CLUSTERROLEBINDINGS.key: (_made("Role", _role), _AGE),
    POD_DISRUPTION_BUDGETS.key: (
        _made("Min Available", _or_none("spec", "minAvailable")),
        _made("Max Unavailable", _or_none("spec", "maxUnavailable")),
        _count("Allowed Disruptions", ".status.disruptionsAllowed"),
        _AGE,
    ),
}
