"""Whose object is it: autoscalers are spread over shards by uid, shards over members in order."""

from collections.abc import Sequence

from kube.vocab.hashing import fnv1a

_UPPER_HALF = 32
"""The lower bits of the same hash already decide about an object's turn."""


def shard_of(uid: str, shards: int) -> int:
    """The shard, from 0, of the object with that uid; the same for ever for a count of shards."""
    return (fnv1a(uid) >> _UPPER_HALF) % shards


def member_of(shard: int, members: Sequence[str]) -> str | None:
    """Who should hold the shard while `members` are there, None without any.

    Counts differ by one at most, and every member that knows the same others says the same.
    """
    ordered = sorted(members)
    return ordered[shard % len(ordered)] if ordered else None
