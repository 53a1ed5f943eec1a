"""Whose a count is, and since when: read from who the API server says has set it (D24).

Writing a count and writing down in a status that it was written are two writes, and a process can
end between them. So the first one carries the time itself: as the name of its writer, which the
API server notes in `metadata.managedFields` of the target. Kubernetes dates entries of other
writers, but not those that come through the scale subresource.
"""

from collections.abc import Iterable
from typing import Final

from kube.vocab.objects import Wire
from kube.vocab.times import Millis, format_rfc3339, moment_of

WRITER: Final = "wpa-controller"
"""The name of all our writes; with the object and the time after it, of those to a scale."""


class ManagedFields(Wire, frozen=True):
    """What one writer owns, through one subresource.

    Which fields these are is not read: through `scale` that can be the count alone, under whatever
    path the kind has for it, and who does not own it any more has no entry.
    """

    manager: str = ""
    operation: str = ""
    subresource: str = ""


class ManagedMeta(Wire, frozen=True):
    """`metadata`, as far as it tells of writers."""

    managed_fields: list[ManagedFields] | None = None


class ManagedObject(Wire, frozen=True):
    """Any object, or its `PartialObjectMetadata`."""

    metadata: ManagedMeta = ManagedMeta()


def signature(uid: str, at: Millis) -> str:
    """The writer's name for a count that the autoscaler with that uid decided on at `at`.

    Kubernetes allows 128 characters; this is 72 long.
    """
    return f"{WRITER}/{uid}@{format_rfc3339(at)}"


def signed_at(entries: Iterable[ManagedFields], uid: str) -> Millis | None:
    """When the autoscaler with that uid decided on the count that the object has.

    None where it is somebody else's count, or where the time cannot be read.
    """
    prefix = f"{WRITER}/{uid}@"
    found = [
        at
        for entry in entries
        if (entry.operation, entry.subresource) == ("Update", "scale")
        and entry.manager.startswith(prefix)
        and (at := moment_of(entry.manager.removeprefix(prefix))) is not None
    ]
    return max(found, default=None)
