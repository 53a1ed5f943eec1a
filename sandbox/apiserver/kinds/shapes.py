"""The types of what the server itself reads in objects, so that it never meets anything else.

The real server decodes built-in kinds into Go types and refuses what does not fit; here only the
fields that are read are held to their type, the rest is kept as it comes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, field

from kube.vocab.objects import ObjectMeta
from sandbox.apiserver.access.access_shapes import Binding, Reference, Role
from sandbox.apiserver.kinds.pod_shapes import Pod, Port, Shape, Status, Workload
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
    PODS,
    REPLICASETS,
    ROLEBINDINGS,
    ROLES,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Key,
    Object,
    Resource,
)
from sandbox.apiserver.storage.errors import BadRequest

_MicroTime = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$")
]


class _Plain(Shape, frozen=True):
    spec: dict[str, Any] = field(default_factory=dict)
    status: Status = Status()


class _Config(Shape, frozen=True):
    data: dict[str, str] = field(default_factory=dict)
    binary_data: dict[str, str] = field(default_factory=dict)
    string_data: dict[str, str] = field(default_factory=dict)
    type: str = ""


class _ServiceSpec(Shape, frozen=True):
    type: str = ""
    external_name: str = ""
    ports: tuple[Port, ...] = ()


class _Service(Shape, frozen=True):
    spec: _ServiceSpec = _ServiceSpec()
    status: dict[str, Any] = field(default_factory=dict)


class _Series(Shape, frozen=True):
    last_observed_time: str = ""


class _Event(Shape, frozen=True):
    involved_object: Reference = Reference()
    source: dict[str, str] = field(default_factory=dict)
    last_timestamp: str = ""
    series: _Series = _Series()


class _LeaseSpec(Shape, frozen=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    lease_transitions: int | None = None
    acquire_time: _MicroTime | None = None
    renew_time: _MicroTime | None = None


class _Lease(Shape, frozen=True):
    spec: _LeaseSpec = _LeaseSpec()


class _ServiceReference(Shape, frozen=True):
    namespace: str = ""
    name: str = ""
    port: int = 443


class _ApiServiceSpec(Shape, frozen=True):
    group: str
    version: str
    service: _ServiceReference | None = None
    ca_bundle: str = ""
    insecure_skip_tls_verify: bool = field(default=False, name="insecureSkipTLSVerify")


class _ApiService(Shape, frozen=True):
    spec: _ApiServiceSpec
    status: Status = Status()


class _Names(Shape, frozen=True):
    plural: str = ""
    kind: str = ""
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class _PrinterColumn(Shape, frozen=True):
    name: str
    type: str
    json_path: str
    priority: int = 0
    format: str = ""
    description: str = ""


class _ScaleSubresource(Shape, frozen=True):
    spec_replicas_path: str
    status_replicas_path: str
    label_selector_path: str = ""


class _Subresources(Shape, frozen=True):
    status: dict[str, Any] | None = None
    scale: _ScaleSubresource | None = None


class _Version(Shape, frozen=True):
    name: str
    served: bool = False
    storage: bool = False
    additional_printer_columns: tuple[_PrinterColumn, ...] = ()
    subresources: _Subresources = _Subresources()
    # The schema is read by its own module, which takes it as it comes.
    schema: dict[str, dict[str, Any]] = field(default_factory=dict)


class _DefinitionSpec(Shape, frozen=True):
    group: str = ""
    scope: str = ""
    names: _Names = _Names()
    versions: tuple[_Version, ...] = ()


class _Definition(Shape, frozen=True):
    spec: _DefinitionSpec = _DefinitionSpec()
    status: Status = Status()


_SHAPES: Final[Mapping[Key, type[Shape]]] = {
    NAMESPACES.key: _Plain,
    NODES.key: _Plain,
    LEASES.key: _Lease,
    PODS.key: Pod,
    DEPLOYMENTS.key: Workload,
    REPLICASETS.key: Workload,
    STATEFULSETS.key: Workload,
    CONFIGMAPS.key: _Config,
    SECRETS.key: _Config,
    SERVICES.key: _Service,
    EVENTS.key: _Event,
    ROLES.key: Role,
    CLUSTERROLES.key: Role,
    ROLEBINDINGS.key: Binding,
    CLUSTERROLEBINDINGS.key: Binding,
    APISERVICES.key: _ApiService,
    DEFINITIONS.key: _Definition,
}


def check_shape(resource: Resource, obj: Object) -> None:
    """Raises BadRequest, naming the field, for a value of a type that its field cannot have."""
    try:
        msgspec.convert(obj.get("metadata", {}), ObjectMeta)
    except msgspec.ValidationError as error:
        raise _refused(resource, str(error).replace("`$.", "`$.metadata.")) from None
    shape = _SHAPES.get(resource.key)
    if shape is None:
        return
    try:
        msgspec.convert(obj, shape)
    except msgspec.ValidationError as error:
        raise _refused(resource, str(error)) from None


def _refused(resource: Resource, why: str) -> BadRequest:
    return BadRequest(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a '
        f"{resource.kind}: {why.replace('`$.', '`')}"
    )
