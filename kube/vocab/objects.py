"""Wire shapes that every Kubernetes object shares.

Unknown fields are ignored and every field has a default: servers add and leave out as they like.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding JSON raises; the last for a document nested a thousand levels deep."""


class Wire(Struct, frozen=True, rename="camel", gc=False, omit_defaults=True):
    """Base of all wire structures: immutable, camelCase names, defaults left out."""


class OwnerReference(Wire, frozen=True):
    """Who an object belongs to (`metadata.ownerReferences[]`)."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(Wire, frozen=True):
    """`metadata`, as far as anything here reads it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None
    finalizers: list[str] | None = None


class ListMeta(Wire, frozen=True):
    """`metadata` of a list; `continue_` is the token of the next page."""

    resource_version: str = ""
    continue_: str = field(default="", name="continue")
    remaining_item_count: int | None = None


class StatusCause(Wire, frozen=True):
    """One reason of a failure."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(Wire, frozen=True):
    """What a failure is about."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: list[StatusCause] | None = None
    retry_after_seconds: int = 0


class Status(Struct, rename="camel", gc=False):
    """`metav1.Status`, the body of every API error (external-metrics-api §6)."""

    kind: str = "Status"
    api_version: str = "v1"
    metadata: dict[str, Any] = {}
    status: str = "Failure"
    message: str = ""
    reason: str = ""
    details: StatusDetails | UnsetType | None = UNSET
    code: int = 0


def status_body(
    code: int, reason: str, message: str, details: StatusDetails | None = None
) -> Status:
    """The `Status` of a failure."""
    return Status(
        code=code, reason=reason, message=message, details=UNSET if details is None else details
    )
