"""Who may do what: RBAC over the Roles and bindings in the store, asked on every request."""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Struct

from kube.vocab.objects import StatusDetails
from sandbox.apiserver.access.identity import MASTERS, User
from sandbox.apiserver.access.rbac_rules import (
    Attributes,
    attributes_of,
    rule_allows,
    subject_means,
)
from sandbox.apiserver.http.keys import INFO, USER
from sandbox.apiserver.kinds.resources import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    ROLEBINDINGS,
    ROLES,
    Object,
    Resource,
)
from sandbox.apiserver.storage.errors import Forbidden
from sandbox.apiserver.storage.store import Store

_RBAC: Final = "rbac.authorization.k8s.io"


class Verdict(Struct, frozen=True):
    """Whether it is allowed, and by what; a denial's reason names broken bindings."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Evaluates the Roles and bindings that are in the store at this moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def verdict(self, user: User, wanted: Attributes) -> Verdict:
        """May `user` do what is wanted?"""
        if MASTERS in user.groups:
            return Verdict(True)
        missing = []
        for binding, subject in self._bindings(user, wanted.namespace):
            rules = self._rules(binding)
            if rules is None:
                missing.append(f"{_role_name(binding)} not found")
            elif any(rule_allows(rule, wanted) for rule in rules):
                return Verdict(True, f"RBAC: allowed by {_told(binding, subject)}")
        return Verdict(False, f"RBAC: {', '.join(missing)}" if missing else "")

    def rules_of(self, user: User, namespace: str) -> tuple[list[Object], list[str]]:
        """All rules that hold for `user` in `namespace`, and what could not be resolved."""
        if MASTERS in user.groups:
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}], []
        found: list[Object] = []
        missing = []
        for binding, _subject in self._bindings(user, namespace):
            rules = self._rules(binding)
            if rules is None:
                missing.append(f"{_role_name(binding)} not found")
            else:
                found.extend(rules)
        return found, missing

    def _bindings(self, user: User, namespace: str) -> Iterator[tuple[Object, Object]]:
        everywhere = self._store.view(CLUSTERROLEBINDINGS)
        here = self._store.view(ROLEBINDINGS, namespace) if namespace else iter(())
        for binding in chain(everywhere, here):
            home = binding["metadata"].get("namespace", "")
            for subject in binding.get("subjects") or ():
                if subject_means(subject, user, home):
                    yield binding, subject
                    break

    def _rules(self, binding: Object) -> list[Object] | None:
        reference = binding.get("roleRef") or {}
        namespace = binding["metadata"].get("namespace", "")
        kind: Resource = CLUSTERROLES
        if reference.get("kind") == "Role":
            kind = ROLES
        role = self._store.find(kind, namespace if kind is ROLES else "", reference.get("name", ""))
        return None if role is None else (role.get("rules") or [])


def authorization(authorizer: Authorizer) -> Middleware:
    """Middleware that lets a request through only if its user may do what it asks."""

    @web.middleware
    async def authorize(request: web.Request, handler: Handler) -> web.StreamResponse:
        user: User = request[USER]
        wanted = attributes_of(request[INFO], request.method)
        verdict = authorizer.verdict(user, wanted)
        if not verdict.allowed:
            raise forbidden(user, wanted, verdict.reason)
        return await handler(request)

    return authorize


def forbidden(user: User, wanted: Attributes, reason: str = "") -> Forbidden:
    """The refusal, in the real server's words."""
    if not wanted.on_resource:
        action = f'forbidden: User "{user.name}" cannot {wanted.verb} path "{wanted.path}"'
        return Forbidden(_with_reason(action, reason))
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    full = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    about = f'{full} "{wanted.name}"' if wanted.name else full
    action = (
        f'{about} is forbidden: User "{user.name}" cannot {wanted.verb} resource '
        f'"{wanted.full_resource}" in API group "{wanted.group}" {where}'
    )
    details = StatusDetails(name=wanted.name, group=wanted.group, kind=wanted.resource)
    return Forbidden(_with_reason(action, reason), details)


def _with_reason(action: str, reason: str) -> str:
    return f"{action}: {reason}" if reason else action


def _told(binding: Object, subject: Object) -> str:
    meta, reference = binding["metadata"], binding.get("roleRef") or {}
    home = meta.get("namespace", "")
    name = f"{meta['name']}/{home}" if home else meta["name"]
    who = f'{subject.get("kind")} "{subject.get("name")}"'
    if subject.get("kind") == "ServiceAccount":
        who = f'ServiceAccount "{subject.get("name")}/{subject.get("namespace") or home}"'
    return (
        f'{"RoleBinding" if home else "ClusterRoleBinding"} "{name}" of '
        f'{reference.get("kind")} "{reference.get("name")}" to {who}'
    )


def _role_name(binding: Object) -> str:
    reference = binding.get("roleRef") or {}
    return f'{str(reference.get("kind")).lower()}.{_RBAC} "{reference.get("name")}"'
