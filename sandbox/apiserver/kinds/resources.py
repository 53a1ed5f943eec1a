"""What the server serves out of the box: names, scope, subresources and columns of each resource.

Resources that CustomResourceDefinitions add at run time have the same shape (see `definitions`).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Object = dict[str, Any]
"""One API object as JSON: plain dicts, lists and scalars."""

Key = tuple[str, str]
"""Group and plural: where a resource's objects are stored, whatever version is spoken."""


class Column(Struct, frozen=True):
    """A printer column: `json_path` is relative to the object; priority 1 shows with `-o wide`."""

    name: str
    json_path: str = ""
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""


class ScalePaths(Struct, frozen=True):
    """Where the numbers of the `scale` subresource live in the object (dotted paths)."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    selector: str = ".spec.selector"
    """A label selector: an object in built-in kinds, its text in custom resources."""


class Resource(Struct, frozen=True):
    """One served resource in one version."""

    group: str
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    status: bool = False
    scale: ScalePaths | None = None
    generation: bool = False
    """Whether `metadata.generation` counts changes of the specification."""
    unconditional_update: bool = True
    """Whether a PUT without resourceVersion is taken; the real server differs by kind."""
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    custom: bool = False
    singular: str = ""
    schema: Mapping[str, Any] | None = None
    """The structural OpenAPI schema of a custom resource."""

    @property
    def key(self) -> Key:
        """Where the objects are stored."""
        return (self.group, self.plural)

    @property
    def api_version(self) -> str:
        """`apiVersion` as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """The name that messages use: "pods", "deployments.apps"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def list_kind(self) -> str:
        """Kind of a list of these."""
        return f"{self.kind}List"

    @property
    def singular_name(self) -> str:
        """Lower-case singular, as discovery tells it."""
        return self.singular or self.kind.lower()


_ALL = ("all",)
_REPLICAS = ScalePaths()

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", ("ns",), False, status=True)
PODS = Resource("", "v1", "pods", "Pod", ("po",), status=True, categories=_ALL)
NODES = Resource("", "v1", "nodes", "Node", ("no",), False, status=True)
EVENTS = Resource("", "v1", "events", "Event", ("ev",))
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", ("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", ("sa",))
SERVICES = Resource("", "v1", "services", "Service", ("svc",), status=True, categories=_ALL)
ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints", ("ep",), singular="endpoints")
DEPLOYMENTS = Resource(
    "apps", "v1", "deployments", "Deployment", ("deploy",),
    status=True, scale=_REPLICAS, generation=True, categories=_ALL,
)  # fmt: skip
REPLICASETS = Resource(
    "apps", "v1", "replicasets", "ReplicaSet", ("rs",),
    status=True, scale=_REPLICAS, generation=True, categories=_ALL,
)  # fmt: skip
STATEFULSETS = Resource(
    "apps", "v1", "statefulsets", "StatefulSet", ("sts",),
    status=True, scale=_REPLICAS, generation=True, categories=_ALL,
)  # fmt: skip
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease", unconditional_update=False)
DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
    ("crd", "crds"), False, status=True, generation=True, unconditional_update=False,
    categories=("api-extensions",),
)  # fmt: skip
APISERVICES = Resource(
    "apiregistration.k8s.io", "v1", "apiservices", "APIService",
    (), False, status=True, unconditional_update=False, categories=("api-extensions",),
)  # fmt: skip
_RBAC = "rbac.authorization.k8s.io"
ROLES = Resource(_RBAC, "v1", "roles", "Role")
ROLEBINDINGS = Resource(_RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTERROLES = Resource(_RBAC, "v1", "clusterroles", "ClusterRole", (), False)
CLUSTERROLEBINDINGS = Resource(
    _RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", (), False
)  # fmt: skip
POD_DISRUPTION_BUDGETS = Resource(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", ("pdb",),
    status=True, generation=True, unconditional_update=False,
)  # fmt: skip

BUILT_IN: tuple[Resource, ...] = (
    NAMESPACES, PODS, NODES, EVENTS, CONFIGMAPS, SECRETS, SERVICEACCOUNTS, SERVICES, ENDPOINTS,
    DEPLOYMENTS, REPLICASETS, STATEFULSETS, LEASES, DEFINITIONS, APISERVICES,
    ROLES, ROLEBINDINGS, CLUSTERROLES, CLUSTERROLEBINDINGS, POD_DISRUPTION_BUDGETS,
)  # fmt: skip
