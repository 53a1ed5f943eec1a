"""Who a caller is, as access reviews see it (external-metrics-api §9.2)."""

from typing import Final

from msgspec import Struct

ANONYMOUS_GROUP: Final = "system:unauthenticated"
AUTHENTICATED_GROUP: Final = "system:authenticated"
MASTERS_GROUP: Final = "system:masters"

Extra = tuple[tuple[str, tuple[str, ...]], ...]
"""Additional attributes: values by key, in order."""


class User(Struct, frozen=True, gc=False):
    """A caller's name, unique id, groups and extra attributes."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Extra = ()


ANONYMOUS: Final = User("system:anonymous", groups=(ANONYMOUS_GROUP,))


def authenticated(user: User) -> User:
    """`user` as a member of `system:authenticated`, which discovery by plain accounts relies on."""
    if AUTHENTICATED_GROUP in user.groups or ANONYMOUS_GROUP in user.groups:
        return user
    return User(user.name, user.uid, (*user.groups, AUTHENTICATED_GROUP), user.extra)


def readable(user: User) -> bool:
    """Whether all that is said of `user` is text: bytes of a header that are no UTF-8 come as
    halves of characters, which no review can carry.
    """
    said = "".join((user.name, user.uid, *user.groups, *(v for _, vs in user.extra for v in vs)))
    if said.isascii():
        return True
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True
