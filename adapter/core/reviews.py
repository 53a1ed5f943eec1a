"""Access reviews: what is asked about a request, on the wire and as a cache key.

Source: external-metrics-api §9.3 (TokenReview), §9.4 (SubjectAccessReview).
"""

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from adapter.core.documents import GROUP, VERSION
from adapter.core.identity import User
from kube.vocab.objects import Wire

_MAX_CACHED_TEXT: Final = 10_000


class ResourceAccess(Struct, frozen=True, gc=False):
    """Access to one metric; `resource` is the metric's name as asked for."""

    verb: str
    namespace: str
    resource: str
    name: str = ""


class PathAccess(Struct, frozen=True, gc=False):
    """Access to anything that is no metric."""

    verb: str
    path: str


Access = ResourceAccess | PathAccess


class AccessVerdict(Wire, frozen=True):
    """`status` of a SubjectAccessReview."""

    allowed: bool = False
    reason: str = ""


class AccessReview(Wire, frozen=True):
    """An answered SubjectAccessReview."""

    status: AccessVerdict | None = None


class ReviewedUser(Wire, frozen=True):
    """`status.user` of a TokenReview."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)


class TokenVerdict(Wire, frozen=True):
    """`status` of a TokenReview."""

    authenticated: bool = False
    user: ReviewedUser = ReviewedUser()


class TokenReview(Wire, frozen=True):
    """An answered TokenReview."""

    status: TokenVerdict | None = None


def access_review(user: User, access: Access) -> bytes:
    """The SubjectAccessReview to post."""
    spec: dict[str, Any] = {"user": user.name}
    if user.groups:
        spec["groups"] = user.groups
    if user.uid:
        spec["uid"] = user.uid
    if user.extra:
        spec["extra"] = dict(user.extra)
    if isinstance(access, PathAccess):
        spec["nonResourceAttributes"] = {"path": access.path, "verb": access.verb}
    else:
        attributes = {
            "namespace": access.namespace,
            "verb": access.verb,
            "group": GROUP,
            "version": VERSION,
            "resource": access.resource,
            "name": access.name,
        }
        spec["resourceAttributes"] = {key: value for key, value in attributes.items() if value}
    return _review("authorization.k8s.io/v1", "SubjectAccessReview", spec)


def token_review(token: str) -> bytes:
    """The TokenReview to post."""
    return _review("authentication.k8s.io/v1", "TokenReview", {"token": token})


def token_user(review: TokenReview) -> User | None:
    """Whom an answered review recognised; None for nobody."""
    verdict = review.status
    if verdict is None or not verdict.authenticated or not verdict.user.username:
        return None
    user = verdict.user
    return User(user.username, user.uid, user.groups, tuple(sorted(user.extra.items())))


def cacheable(user: User, access: Access) -> bool:
    """Whether a verdict is small enough to keep: callers choose these texts."""
    size = len(user.name) + len(user.uid) + sum(map(len, user.groups))
    size += sum(len(key) + sum(map(len, values)) for key, values in user.extra)
    if isinstance(access, PathAccess):
        size += len(access.path)
    else:
        size += len(access.namespace) + len(access.resource) + len(access.name)
    return size <= _MAX_CACHED_TEXT


def forbidden_message(user: User, access: Access, reason: str) -> str:
    """Kubernetes' wording of a refusal (§6)."""
    tail = f": {reason}" if reason else ""
    if isinstance(access, PathAccess):
        return f'forbidden: User "{user.name}" cannot {access.verb} path "{access.path}"{tail}'
    return (
        f'{access.resource}.{GROUP} is forbidden: User "{user.name}" cannot {access.verb} '
        f'resource "{access.resource}" in API group "{GROUP}" in the namespace '
        f'"{access.namespace}"{tail}'
    )


def _review(api_version: str, kind: str, spec: dict[str, Any]) -> bytes:
    document = {"apiVersion": api_version, "kind": kind, "metadata": {}, "spec": spec}
    return msgspec.json.encode(document)
