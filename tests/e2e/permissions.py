"""What an account may do by the product's own bindings, and what it did."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct

from tests.controlplane.audit import AuditEvent
from tests.controlplane.cluster import ControlPlane

SHIPPED: Final = "app.kubernetes.io%2Fpart-of%3Dwatermark-autoscaler"
"""Label selector of the bindings in manifests/; tests bind roles of their own, too."""

_API: Final = "/apis/rbac.authorization.k8s.io/v1"


class Permission(Struct, frozen=True, order=True):
    """One verb on one resource; `resource` is like "deployments/scale"."""

    group: str
    resource: str
    verb: str

    def covers(self, other: "Permission") -> bool:
        """Whether this one, with its wildcard, permits the other."""
        resource = self.resource in ("*", other.resource)
        return resource and (self.group, self.verb) == (other.group, other.verb)


def granted(cluster: ControlPlane, namespace: str, name: str) -> set[Permission]:
    """What the applied bindings of the product give to a ServiceAccount."""
    found: set[Permission] = set()
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in cluster.rest.get(f"{_API}/{kind}?labelSelector={SHIPPED}")["items"]:
            subjects = binding.get("subjects", [])
            if any((one.get("namespace"), one["name"]) == (namespace, name) for one in subjects):
                found.update(_permissions(_role(cluster, binding)))
    return found


def _role(cluster: ControlPlane, binding: Any) -> Any:
    kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
    if kind == "ClusterRole":
        return cluster.rest.get(f"{_API}/clusterroles/{name}")
    return cluster.rest.get(f"{_API}/namespaces/{binding['metadata']['namespace']}/roles/{name}")


def _permissions(role: Any) -> Iterator[Permission]:
    for rule in role["rules"]:
        for group in rule.get("apiGroups", []):
            for resource in rule.get("resources", []):
                for verb in rule["verbs"]:
                    yield Permission(group, resource, verb)


def used(events: Iterable[AuditEvent]) -> set[Permission]:
    """What was asked for and allowed."""
    return {
        Permission(ref.api_group, "/".join(filter(None, (ref.resource, ref.subresource))), one.verb)
        for one in events
        if one.allowed and (ref := one.object_ref) is not None
    }


def denials(events: Iterable[AuditEvent]) -> list[str]:
    """What was not allowed, but for namespaces of tests that provoke it: their names, and with
    them those of their namespaces, begin with "denied".
    """
    return sorted(
        f"{one.verb} {one.request_uri}"
        for one in events
        if one.code == 403
        and not one.allowed
        and not (one.object_ref and one.object_ref.namespace.startswith("denied"))
    )
