"""Defaults and checks of built-in kinds, as far as clients of the sandbox rely on them."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from kube.vocab.objects import StatusCause
from kube.vocab.selectors import LabelSelector, SelectorError, selector_of
from sandbox.apiserver.kinds.resources import (
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Key,
    Object,
    Resource,
)

_OWN: Final = ("default", "kube-system")
"""Namespaces of events about objects that have none."""
_STRATEGY: Final = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
}


def complete_builtin(resource: Resource, obj: Object) -> list[StatusCause]:
    """Fill in the defaults of `obj` and return its faults."""
    rule = _RULES.get(resource.key)
    if rule is None:
        return []
    for part in ("spec", "status"):
        if not isinstance(obj.get(part, {}), dict):
            return [_wrong_type(part, obj[part], "object")]
    return rule(resource, obj)


def _namespace(_resource: Resource, obj: Object) -> list[StatusCause]:
    meta = obj["metadata"]
    meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")
    return []


def _pod(_resource: Resource, obj: Object) -> list[StatusCause]:
    _complete_pod_spec(obj.setdefault("spec", {}))
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    return []


def _complete_pod_spec(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    for container in spec.get("containers") or ():
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("resources", {})
        for port in container.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _workload(resource: Resource, obj: Object) -> list[StatusCause]:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    obj.setdefault("status", {})
    if resource.key == DEPLOYMENTS.key:
        spec.setdefault("strategy", dict(_STRATEGY))
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
    elif resource.key == STATEFULSETS.key:
        spec.setdefault("podManagementPolicy", "OrderedReady")
        spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        _complete_pod_spec(template["spec"])
    return _workload_faults(spec)


def _workload_faults(spec: Object) -> list[StatusCause]:
    causes = []
    replicas = spec["replicas"]
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        causes.append(_wrong_type("spec.replicas", replicas, "integer"))
    elif replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        causes.append(StatusCause("FieldValueInvalid", message, "spec.replicas"))
    if not isinstance(spec.get("template"), dict):
        causes.append(StatusCause("FieldValueRequired", "Required value", "spec.template"))
        return causes
    try:
        selector = selector_of(msgspec.convert(spec.get("selector"), LabelSelector | None))
    except (SelectorError, msgspec.ValidationError) as error:
        message = f"Invalid value: {error}"
        return [*causes, StatusCause("FieldValueInvalid", message, "spec.selector")]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    if selector.empty:
        causes.append(StatusCause("FieldValueRequired", "Required value", "spec.selector"))
    elif not selector.matches(labels):
        message = f"Invalid value: {labels}: `selector` does not match template `labels`"
        causes.append(StatusCause("FieldValueInvalid", message, "spec.template.metadata.labels"))
    return causes


def _secret(_resource: Resource, obj: Object) -> list[StatusCause]:
    obj.setdefault("type", "Opaque")
    for name, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()
    return []


def _service(_resource: Resource, obj: Object) -> list[StatusCause]:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    obj.setdefault("status", {}).setdefault("loadBalancer", {})
    return []


def _event(_resource: Resource, obj: Object) -> list[StatusCause]:
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if about == obj["metadata"]["namespace"] or (
        not about and obj["metadata"]["namespace"] in _OWN
    ):
        return []
    message = f'Invalid value: "{about}": does not match event.namespace'
    return [StatusCause("FieldValueInvalid", message, "involvedObject.namespace")]


def _lease(_resource: Resource, obj: Object) -> list[StatusCause]:
    spec = obj.get("spec") or {}
    causes = []
    for field, least, rule in (
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ):
        value = spec.get(field)
        if value is not None and value < least:
            message = f"Invalid value: {value}: {rule}"
            causes.append(StatusCause("FieldValueInvalid", message, f"spec.{field}"))
    return causes


def _wrong_type(path: str, value: Any, wanted: str) -> StatusCause:
    found = type(value).__name__
    return StatusCause(
        "FieldValueTypeInvalid", f"Invalid value: {value!r}: must be {wanted}, not {found}", path
    )


_RULES: Final[Mapping[Key, Callable[[Resource, Object], list[StatusCause]]]] = {
    NAMESPACES.key: _namespace,
    PODS.key: _pod,
    DEPLOYMENTS.key: _workload,
    REPLICASETS.key: _workload,
    STATEFULSETS.key: _workload,
    SECRETS.key: _secret,
    SERVICES.key: _service,
    EVENTS.key: _event,
    LEASES.key: _lease,
}
