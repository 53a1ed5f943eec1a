"""The roles and bindings that a cluster is born with, as far as the sandbox's clients need them.

Names and rules are Kubernetes' own, so that manifests that bind them work unchanged.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sandbox.apiserver.access.identity import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from sandbox.apiserver.kinds.resources import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ROLES,
    Object,
    Resource,
)

AUTHENTICATION_CONFIGMAP: Final = "extension-apiserver-authentication"
_RBAC: Final = "rbac.authorization.k8s.io"
_LABELS: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_READ: Final = ("get", "list", "watch")
_HEALTH: Final = ("/healthz", "/livez", "/readyz", "/version", "/version/")


def bootstrap_objects() -> Iterator[tuple[Resource, str, Object]]:
    """Resource, namespace and object of everything that access starts with."""
    for name, rules in _CLUSTER_ROLES.items():
        yield CLUSTERROLES, "", {"metadata": _meta(name), "rules": list(rules)}
    for name, groups in _GROUPS_OF_ROLES.items():
        yield CLUSTERROLEBINDINGS, "", _binding(name, groups)
    yield ROLES, "kube-system", _authentication_reader()


def _rule(verbs: Sequence[str], groups: Sequence[str], resources: Sequence[str]) -> Object:
    return {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)}


def _paths(verbs: Sequence[str], paths: Sequence[str]) -> Object:
    return {"verbs": list(verbs), "nonResourceURLs": list(paths)}


_CLUSTER_ROLES: Final[dict[str, tuple[Object, ...]]] = {
    "cluster-admin": (_rule(["*"], ["*"], ["*"]), _paths(["*"], ["*"])),
    "system:auth-delegator": (
        _rule(["create"], ["authentication.k8s.io"], ["tokenreviews"]),
        _rule(["create"], ["authorization.k8s.io"], ["subjectaccessreviews"]),
    ),
    "system:basic-user": (
        _rule(
            ["create"],
            ["authorization.k8s.io"],
            ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        ),
        _rule(["create"], ["authentication.k8s.io"], ["selfsubjectreviews"]),
    ),
    "system:discovery": (
        _paths(["get"], ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_HEALTH]),
    ),
    "system:public-info-viewer": (_paths(["get"], _HEALTH),),
}
_GROUPS_OF_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "cluster-admin": (MASTERS,),
    "system:basic-user": (AUTHENTICATED,),
    "system:discovery": (AUTHENTICATED,),
    "system:public-info-viewer": (AUTHENTICATED, UNAUTHENTICATED),
}


def _authentication_reader() -> Object:
    rule = _rule(_READ, [""], ["configmaps"])
    return {
        "metadata": _meta("extension-apiserver-authentication-reader"),
        "rules": [{**rule, "resourceNames": [AUTHENTICATION_CONFIGMAP]}],
    }


def _binding(role: str, groups: Sequence[str]) -> Object:
    return {
        "metadata": _meta(role),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in groups],
    }


def _meta(name: str) -> dict[str, Any]:
    return {"name": name, "labels": dict(_LABELS)}
