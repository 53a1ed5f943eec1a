"""HTTP clients for recommenders: one per TLS setting in force, so that none meddle (U25)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx
from msgspec import Struct

from kube.vocab.times import Clock
from scaler.core.recommender import Tls
from scaler.shell.recommender_tls import PairMismatch, Stamp, TlsError, context_of, stamp_of

UNUSED: Final = 600.0
"""Seconds after which a client that nobody used is closed."""
SWEEP: Final = 60.0
PAIR_ATTEMPTS: Final = 5
PAIR_PAUSE: Final = 0.05
"""Seconds between attempts to read a certificate and a key that do not match (yet)."""
_KEPT_OPEN: Final = 2.0
"""Seconds that an idle connection serves the next object. Servers keep theirs at least that long,
so a request hardly ever meets a connection that is being closed."""


class _Client(Struct, eq=False):
    http: httpx.AsyncClient
    stamp: Stamp
    users: int = 0
    idle_since: float = 0.0
    replaced: bool = False


class Clients:
    """Lends out clients; a client is made anew once a file of its setting has changed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients: dict[Tls, _Client] = {}

    def __len__(self) -> int:
        return len(self._clients)

    @asynccontextmanager
    async def client(self, tls: Tls) -> AsyncIterator[httpx.AsyncClient]:
        """A client that speaks TLS as `tls` says. Raises TlsError where that is impossible."""
        client = await self._taken(tls)
        try:
            yield client.http
        finally:
            client.users -= 1
            client.idle_since = self._clock.monotonic()
            if client.replaced and client.users == 0:
                await client.http.aclose()

    async def run(self) -> None:
        """Close what is not used any more, for ever."""
        while True:
            await asyncio.sleep(SWEEP)
            await self.close_unused()

    async def close_unused(self) -> None:
        """Close the clients that nobody used for a while."""
        oldest = self._clock.monotonic() - UNUSED
        for tls, client in list(self._clients.items()):
            if client.users == 0 and client.idle_since <= oldest:
                del self._clients[tls]
                await client.http.aclose()

    async def aclose(self) -> None:
        """Close all of them."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.http.aclose()

    async def _taken(self, tls: Tls) -> _Client:
        """The current client of `tls`, already counted as used."""
        for attempt in range(1, PAIR_ATTEMPTS + 1):
            stamp = stamp_of(tls)
            found = self._clients.get(tls)
            if found is not None and found.stamp == stamp:
                found.users += 1
                return found
            try:
                made = _Client(_new(tls), stamp, users=1)
            except PairMismatch:
                if attempt == PAIR_ATTEMPTS:
                    raise
                await asyncio.sleep(PAIR_PAUSE)
                continue
            self._clients[tls] = made
            if found is not None:
                await self._replace(found)
            return made
        raise AssertionError("unreachable")

    async def _replace(self, client: _Client) -> None:
        """Whoever still uses it may finish."""
        client.replaced = True
        if client.users == 0:
            await client.http.aclose()


def _new(tls: Tls) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=context_of(tls),
            # For the proxy variables; trust and credentials come from `tls` and the URL alone.
            trust_env=True,
            timeout=None,  # the exchange as a whole has a deadline
            limits=httpx.Limits(keepalive_expiry=_KEPT_OPEN),
            headers={"User-Agent": "wpa-controller", "Accept-Encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise TlsError(f"the proxy variables cannot be used: {error}") from None
