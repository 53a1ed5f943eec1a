"""Asking the Kubernetes API about tokens and access: cached both ways, shared while in flight.

Source: external-metrics-api §9.3, §9.4, E-18.
"""

import hashlib
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, Generic, TypeVar

import msgspec
from cachetools import TLRUCache

from adapter.core import reviews
from adapter.core.identity import MASTERS_GROUP, User
from adapter.core.reviews import Access, AccessReview, AccessVerdict, PathAccess, TokenReview
from adapter.metrics import AdapterMetrics
from kube.client.errors import KubeError, Unreachable
from kube.client.requests import Request, Resource, create_of
from kube.client.singleflight import SingleFlight
from kube.client.transport import ApiClient, Decoder
from kube.vocab.times import Clock

_ENTRIES: Final = 8192

_TOKEN_REVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews", namespaced=False)
_ACCESS_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False
)
_TOKEN_REVIEW: Final = msgspec.json.Decoder(TokenReview)
_ACCESS_REVIEW: Final = msgspec.json.Decoder(AccessReview)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ReviewFailedError(Exception):
    """The API server could not be asked; nobody is let in meanwhile."""


class _Verdicts(Generic[K, V]):
    """A bounded cache in front of shared calls."""

    def __init__(
        self, kind: str, ttl_of: Callable[[V], float], clock: Clock, metrics: AdapterMetrics
    ) -> None:
        self._cache: TLRUCache[K, V] = TLRUCache(
            _ENTRIES, lambda _key, verdict, now: now + ttl_of(verdict), timer=clock.monotonic
        )
        self._flights: SingleFlight[K, V] = SingleFlight()
        sources = ("cache", "joined", "server", "failed")
        self._counts = {source: metrics.reviews.labels(kind, source) for source in sources}

    def cached(self, key: K) -> V | None:
        found = self._cache.get(key)
        if found is not None:
            self._counts["cache"].inc()
        return found

    async def ask(self, key: K, work: Callable[[], Coroutine[Any, Any, V]], keep: bool) -> V:
        self._counts["joined" if key in self._flights else "server"].inc()
        try:
            verdict = await self._flights.share(key, work)
        except KubeError as error:
            self._counts["failed"].inc()
            raise ReviewFailedError(str(error)) from error
        if keep:
            self._cache[key] = verdict
        return verdict


class TokenReviewer:
    """Turns bearer tokens into users."""

    def __init__(
        self, client: ApiClient, clock: Clock, metrics: AdapterMetrics, *, ttl: float
    ) -> None:
        """A review holds for `ttl` seconds, whatever it says."""
        self._client = client
        # Only a digest is kept: memory must not be a list of working tokens.
        self._verdicts: _Verdicts[bytes, tuple[User | None]] = _Verdicts(
            "token", lambda _: ttl, clock, metrics
        )

    async def user_of(self, token: str) -> User | None:
        """Who holds `token`; None for nobody. Raises ReviewFailedError."""
        key = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = self._verdicts.cached(key)
        if found is None:
            found = await self._verdicts.ask(key, lambda: self._review(token), keep=True)
        return found[0]

    async def _review(self, token: str) -> tuple[User | None]:
        request = create_of(_TOKEN_REVIEWS, "", reviews.token_review(token))
        return (reviews.token_user(await _post(self._client, request, _TOKEN_REVIEW)),)


class Authorizer:
    """Decides what a user may do."""

    def __init__(
        self,
        client: ApiClient,
        clock: Clock,
        metrics: AdapterMetrics,
        *,
        always_allow: tuple[str, ...],
        allowed_ttl: float,
        denied_ttl: float,
    ) -> None:
        """`always_allow` are paths open to everybody; one that ends in "*" is a prefix. A
        permission holds for `allowed_ttl` seconds, a refusal for `denied_ttl`.
        """
        self._client = client
        self._open = frozenset(path for path in always_allow if not path.endswith("*"))
        self._open_prefixes = tuple(path[:-1] for path in always_allow if path.endswith("*"))
        self._verdicts: _Verdicts[tuple[User, Access], AccessVerdict] = _Verdicts(
            "access",
            lambda verdict: allowed_ttl if verdict.allowed else denied_ttl,
            clock,
            metrics,
        )

    async def verdict(self, user: User, access: Access) -> AccessVerdict:
        """Whether `user` may have `access`. Raises ReviewFailedError."""
        if isinstance(access, PathAccess) and self._is_open(access.path):
            return AccessVerdict(allowed=True)
        if MASTERS_GROUP in user.groups:
            return AccessVerdict(allowed=True)
        key = (user, access)
        found = self._verdicts.cached(key)
        if found is not None:
            return found
        keep = reviews.cacheable(user, access)
        return await self._verdicts.ask(key, lambda: self._review(user, access), keep=keep)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(self._open_prefixes)

    async def _review(self, user: User, access: Access) -> AccessVerdict:
        request = create_of(_ACCESS_REVIEWS, "", reviews.access_review(user, access))
        review = await _post(self._client, request, _ACCESS_REVIEW)
        return review.status or AccessVerdict()


async def _post(client: ApiClient, request: Request, decoder: Decoder[V]) -> V:
    """A review may safely be asked twice: once more when a connection broke."""
    try:
        return await client.read(request, decoder)
    except Unreachable as error:
        if error.trouble == "timeout":
            raise
    return await client.read(request, decoder)
