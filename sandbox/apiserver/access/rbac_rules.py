"""RBAC's rules: what one rule allows and whom one subject means. Pure.

Rules and subjects are JSON objects as stored in Roles and bindings.
"""

from typing import Any, Final

from msgspec import Struct

from sandbox.apiserver.access.identity import User, service_account_name
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.kinds.resources import Object

_ALL: Final = "*"


class Attributes(Struct, frozen=True):
    """What somebody wants to do: to a resource, or else to a `path`."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def on_resource(self) -> bool:
        """Whether this is about a resource."""
        return bool(self.resource)

    @property
    def full_resource(self) -> str:
        """Resource and subresource as rules write them: "deployments/scale"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def attributes_of(info: RequestInfo, method: str) -> Attributes:
    """What a request wants to do; the verb on a path is the method itself."""
    if not info.is_resource:
        return Attributes(method.lower(), path=info.path)
    name = info.granted_name
    return Attributes(info.verb, info.group, info.plural, info.subresource, info.namespace, name)


def rule_allows(rule: Object, wanted: Attributes) -> bool:
    """Whether `rule` allows what is wanted (its namespace is the binding's business)."""
    if not _has(rule, "verbs", wanted.verb):
        return False
    if not wanted.on_resource:
        return any(_path_matches(path, wanted.path) for path in _texts(rule, "nonResourceURLs"))
    names = _texts(rule, "resourceNames")
    return (
        _has(rule, "apiGroups", wanted.group)
        and any(_resource_matches(item, wanted) for item in _texts(rule, "resources"))
        and (not names or wanted.name in names)
    )


def subject_means(subject: Object, user: User, namespace: str) -> bool:
    """Whether a binding's subject means `user`; `namespace` is the binding's own, or empty."""
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(name == user.name)
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            home = subject.get("namespace") or namespace
            return bool(home) and service_account_name(home, name) == user.name
        case _:
            return False


def _texts(rule: Object, field: str) -> list[Any]:
    return rule.get(field) or []


def _has(rule: Object, field: str, value: str) -> bool:
    listed = _texts(rule, field)
    return _ALL in listed or value in listed


def _resource_matches(listed: str, wanted: Attributes) -> bool:
    if listed in (_ALL, wanted.full_resource):
        return True
    return bool(wanted.subresource) and listed == f"{_ALL}/{wanted.subresource}"


def _path_matches(listed: str, path: str) -> bool:
    if listed.endswith(_ALL):
        return path.startswith(listed[:-1])
    return listed == path
