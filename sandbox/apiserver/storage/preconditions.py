"""What a writer may say about the object that it means to change."""

from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import Conflict


def check_preconditions(
    resource: Resource, stored: Object, version: str | None, uid: str | None
) -> None:
    """Raises Conflict when `stored` is of another version or another object altogether."""
    meta = stored["metadata"]
    if uid and uid != meta["uid"]:
        raise Conflict.of(
            resource,
            meta["name"],
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta['uid']}",
        )
    if version and version != meta["resourceVersion"]:
        raise Conflict.of(resource, meta["name"])
