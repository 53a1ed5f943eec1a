"""When a self-managed serving certificate and its authority are made anew, and in which order.

An API server must know an authority before it meets a certificate of it, and must still know the
old one while any replica serves by that. So a new authority joins the bundle first, certificates
follow when the bundle is known to the API server, and an old authority stays until it expires by
itself (external-metrics-api §10, E-19).
"""

from typing import Literal

from msgspec import Struct

from kube.vocab.times import Millis

Step = Literal["create", "add authority", "publish", "issue", "forget authority", "nothing"]


class Term(Struct, frozen=True):
    """How long a certificate is good."""

    starts: Millis
    ends: Millis

    def due(self, now: Millis) -> bool:
        """Whether two thirds of its life are over."""
        return (now - self.starts) * 3 >= (self.ends - self.starts) * 2

    def over(self, now: Millis) -> bool:
        """Whether it has expired."""
        return now >= self.ends


class Authority(Struct, frozen=True):
    """A certificate authority, by a text that tells it from all others."""

    identity: str
    term: Term


class Leaf(Struct, frozen=True):
    """The serving certificate."""

    issuer: str
    """Identity of its authority; empty for one that is not in the bundle."""
    names: frozenset[str]
    term: Term


class Kept(Struct, frozen=True):
    """What all replicas share. `authorities` are newest first: the first one signs."""

    authorities: tuple[Authority, ...]
    leaf: Leaf


def next_step(
    kept: Kept | None, published: frozenset[str], names: frozenset[str], now: Millis
) -> Step:
    """What has to be done next, if `published` are the authorities that the API server knows and
    `names` those by which it calls.
    """
    if kept is None or not kept.authorities or kept.authorities[0].term.over(now):
        return "create"
    newest = kept.authorities[0]
    if newest.term.due(now):
        return "add authority"
    if any(one.term.over(now) for one in kept.authorities):
        return "forget authority"
    if published != {one.identity for one in kept.authorities}:
        return "publish"
    leaf = kept.leaf
    if leaf.issuer != newest.identity or leaf.term.due(now) or not names <= leaf.names:
        return "issue"
    return "nothing"
