"""Who is calling: front proxy, client certificate, bearer token, nobody, in this order.

Identity headers count only on a connection whose peer certificate chains to the front proxy's own
authority (external-metrics-api §9.2).
"""

import ssl
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import unquote

from aiohttp import web
from cachetools import TTLCache
from multidict import CIMultiDictProxy

from adapter.core.identity import ANONYMOUS, Extra, User, authenticated, readable
from adapter.core.trust import Headers, Peer, PeerVerifier
from adapter.reviews import TokenReviewer
from kube.vocab.times import Clock

_PEERS: Final = 1024
_PEER_FOR: Final = 60.0
"""Seconds after which a certificate is verified again: it may expire on an open connection."""


class UnauthorizedError(Exception):
    """Credentials were shown and are not good."""


class HasVerifier(Protocol):
    """Where the trust in force comes from."""

    @property
    def verifier(self) -> PeerVerifier:
        """The verifier to use now."""
        ...


class Authenticator:
    """Finds out who sent a request."""

    def __init__(self, trust: HasVerifier, tokens: TokenReviewer, clock: Clock) -> None:
        self._trust = trust
        self._tokens = tokens
        self._clock = clock
        self._verifier = trust.verifier
        self._peers: TTLCache[bytes, Peer] = TTLCache(_PEERS, _PEER_FOR, timer=clock.monotonic)

    async def user_of(self, request: web.BaseRequest) -> User:
        """The caller. Raises UnauthorizedError and reviews.ReviewFailedError."""
        certificate = peer_certificate(request)
        if certificate is not None:
            peer = self._peer(certificate)
            if peer.proxy:
                named = proxied_user(request.headers, self._verifier.trust.headers)
                if named is not None and not readable(named):
                    raise UnauthorizedError("the identity headers are not UTF-8")
                if named is not None:
                    return authenticated(named)
            if peer.user is not None:
                return authenticated(peer.user)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            user = await self._tokens.user_of(token.strip()) if token.isascii() else None
            if user is None:
                raise UnauthorizedError("the token is not valid")
            return authenticated(user)
        if certificate is not None:
            raise UnauthorizedError("the client certificate is not trusted for this")
        return ANONYMOUS

    def _peer(self, certificate: bytes) -> Peer:
        """Verified once per certificate, and again when authorities change."""
        if self._verifier is not self._trust.verifier:
            self._verifier = self._trust.verifier
            self._peers.clear()
        peer = self._peers.get(certificate)
        if peer is None:
            peer = self._verifier.peer_of(certificate, self._clock.now())
            self._peers[certificate] = peer
        return peer


def peer_certificate(request: web.BaseRequest) -> bytes | None:
    """The DER certificate that the connection's peer proved to own; None without one."""
    transport = request.transport
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport else None
    return tls.getpeercert(binary_form=True) if tls is not None else None


def proxied_user(headers: CIMultiDictProxy[str], names: Headers) -> User | None:
    """The user a front proxy speaks for; None if it names nobody."""
    username = next((found for name in names.username if (found := headers.get(name))), "")
    if not username:
        return None
    groups = [value for name in names.group for value in headers.getall(name, ()) if value]
    uid = next((found for name in names.uid if (found := headers.get(name))), "")
    return User(username, uid, tuple(groups), _extra(headers, names.extra_prefixes))


def _extra(headers: CIMultiDictProxy[str], prefixes: tuple[str, ...]) -> Extra:
    lowered = _lowered(prefixes)
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        low = name.lower()
        if not low.startswith(lowered):
            continue
        key = next(low[len(prefix) :] for prefix in lowered if low.startswith(prefix))
        if key:
            found.setdefault(unquote(key), []).append(value)
    return tuple(sorted((key, tuple(values)) for key, values in found.items())) if found else ()


@lru_cache(maxsize=8)
def _lowered(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(prefix.lower() for prefix in prefixes)
