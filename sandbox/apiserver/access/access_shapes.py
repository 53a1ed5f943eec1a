"""The types of what the server reads in RBAC objects and in reviews."""

from typing import TypeVar

import msgspec

from sandbox.apiserver.kinds.pod_shapes import Shape
from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.errors import BadRequest

Texts = tuple[str, ...]


class Rule(Shape, frozen=True):
    """A rule of a Role. `nonResourceURLs` keeps Kubernetes' capital letters."""

    verbs: Texts = ()
    api_groups: Texts = ()
    resources: Texts = ()
    resource_names: Texts = ()
    non_resource_urls: Texts = msgspec.field(default=(), name="nonResourceURLs")


class Role(Shape, frozen=True):
    """A Role or ClusterRole."""

    rules: tuple[Rule, ...] = ()


class Reference(Shape, frozen=True):
    """What a binding names: a role or a subject."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class Binding(Shape, frozen=True):
    """A RoleBinding or ClusterRoleBinding."""

    role_ref: Reference = Reference()
    subjects: tuple[Reference, ...] = ()


class ResourceAttributes(Shape, frozen=True):
    """An action on a resource."""

    verb: str | None = None
    group: str | None = None
    resource: str | None = None
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None


class PathAttributes(Shape, frozen=True):
    """An action on a path."""

    path: str | None = None
    verb: str | None = None


class AccessSpec(Shape, frozen=True):
    """`spec` of a SubjectAccessReview or SelfSubjectAccessReview."""

    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: PathAttributes | None = None
    user: str | None = None
    uid: str | None = None
    groups: Texts | None = None


class RulesSpec(Shape, frozen=True):
    """`spec` of a SelfSubjectRulesReview."""

    namespace: str | None = None


class TokenReviewSpec(Shape, frozen=True):
    """`spec` of a TokenReview."""

    token: str | None = None
    audiences: Texts | None = None


class TokenRequestSpec(Shape, frozen=True):
    """`spec` of a TokenRequest."""

    expiration_seconds: int | None = None
    audiences: Texts | None = None


Spec = TypeVar("Spec", bound=Shape)


def spec_of(body: Object, kind: type[Spec]) -> Spec:
    """The `spec` of a review. Raises BadRequest naming the field that does not fit."""
    try:
        return msgspec.convert(body.get("spec") or {}, kind)
    except msgspec.ValidationError as error:
        why = str(error).replace("`$.", "`")
        raise BadRequest(
            f"{body.get('kind') or 'the object'} cannot be read: spec: {why}"
        ) from None
