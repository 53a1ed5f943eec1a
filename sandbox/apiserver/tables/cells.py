"""Cells of built-in kinds that no path into the object gives."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube.vocab.selectors import LabelSelector, selector_of
from kube.vocab.times import Millis
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.tables.ages import age

Cell = Callable[[Object, Millis], Any]
"""The content of a cell, given the object and the time."""


def at(obj: Object, *steps: str) -> Any:
    """The value at the end of `steps`, or None."""
    found: Any = obj
    for step in steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def pod_ready(pod: Object, _now: Millis) -> str:
    """Ready containers of all."""
    statuses = at(pod, "status", "containerStatuses") or []
    total = len(at(pod, "spec", "containers") or [])
    return f"{sum(bool(item.get('ready')) for item in statuses)}/{total}"


def pod_status(pod: Object, _now: Millis) -> str:
    """The phase, or what keeps a container from running."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for item in at(pod, "status", "containerStatuses") or ():
        state = item.get("state") or {}
        for kind in ("waiting", "terminated"):
            reason = (state.get(kind) or {}).get("reason")
            if reason:
                return str(reason)
    return str(at(pod, "status", "reason") or at(pod, "status", "phase") or "Unknown")


def pod_restarts(pod: Object, _now: Millis) -> str:
    """Restarts of all containers."""
    statuses = at(pod, "status", "containerStatuses") or []
    return str(sum(item.get("restartCount", 0) for item in statuses))


def ready_of_wanted(obj: Object, _now: Millis) -> str:
    """Ready replicas of those wanted."""
    return f"{at(obj, 'status', 'readyReplicas') or 0}/{at(obj, 'spec', 'replicas') or 0}"


def containers(field: str) -> Cell:
    """A cell that lists one field of each container of the template."""

    def cell(obj: Object, _now: Millis) -> str:
        containers = at(obj, "spec", "template", "spec", "containers") or []
        return ",".join(str(item.get(field, "")) for item in containers)

    return cell


def selector(obj: Object, _now: Millis) -> str:
    """The selector as text."""
    return str(selector_of(msgspec.convert(at(obj, "spec", "selector") or {}, LabelSelector)))


def condition(obj: Object, kind: str) -> Object:
    """The condition of that type, empty when there is none."""
    for item in at(obj, "status", "conditions") or ():
        if item.get("type") == kind:
            return dict(item)
    return {}


def node_status(node: Object, _now: Millis) -> str:
    """Ready or not, and whether it takes pods."""
    ready = condition(node, "Ready").get("status")
    text = {"True": "Ready", "False": "NotReady"}.get(ready or "", "Unknown")
    return f"{text},SchedulingDisabled" if at(node, "spec", "unschedulable") else text


def node_roles(node: Object, _now: Millis) -> str:
    """The roles that its labels give it."""
    prefix = "node-role.kubernetes.io/"
    labels = at(node, "metadata", "labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    return ",".join(roles) or "<none>"


def event_seen(event: Object, now: Millis) -> str:
    """How long ago it happened last."""
    series = at(event, "series", "lastObservedTime")
    return age(series or event.get("lastTimestamp") or event.get("eventTime"), now)


def event_object(event: Object, _now: Millis) -> str:
    """What it is about."""
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def entries(obj: Object, _now: Millis) -> int:
    """How many entries the data has."""
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def ports(service: Object, _now: Millis) -> str:
    """A service's ports and protocols."""
    ports = at(service, "spec", "ports") or []
    shown = ",".join(f"{item.get('port')}/{item.get('protocol', 'TCP')}" for item in ports)
    return shown or "<none>"


def cluster_ip(service: Object, _now: Millis) -> str:
    """A service's address."""
    return at(service, "spec", "clusterIP") or "<none>"


def external(service: Object, _now: Millis) -> str:
    """A service's external name."""
    return at(service, "spec", "externalName") or "<none>"


def backend(apiservice: Object, _now: Millis) -> str:
    """The service behind an APIService."""
    service = at(apiservice, "spec", "service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def available(apiservice: Object, _now: Millis) -> str:
    """Whether the APIService can be reached, and why not."""
    available = condition(apiservice, "Available")
    if not available:
        return "Unknown"
    if available.get("status") == "True":
        return "True"
    return f"{available.get('status')} ({available.get('reason', '')})"


def role(binding: Object, _now: Millis) -> str:
    """The role that a binding grants."""
    return f"{at(binding, 'roleRef', 'kind')}/{at(binding, 'roleRef', 'name')}"


def or_none(*steps: str) -> Cell:
    """A cell that shows a value, or that it does not apply."""

    def cell(obj: Object, _now: Millis) -> str:
        found = at(obj, *steps)
        return "N/A" if found is None else str(found)

    return cell
