"""Who we are and whom we trust when we talk to one API server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from kube.client.errors import ConfigError
from kube.vocab.times import Clock, SystemClock

REREAD_EVERY: Final = 60.0
"""Seconds after which tokens are read again: bound tokens in a pod are rotated on disk."""

FORCED_APART: Final = 5.0
"""Seconds between refreshes forced by a 401, so that many refused calls run one plugin once."""


class Identity(Struct, frozen=True):
    """One reading of the sources: the `Authorization` header and the client certificate files."""

    authorization: str = ""
    certificate: str = ""
    key: str = ""


class Credentials:
    """Address, TLS trust and a source of `Authorization` headers that renews itself."""

    def __init__(
        self,
        host: str,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        proxy: str | None = None,
        namespace: str = "",
        identity: Identity | None = None,
        reread: Callable[[], Awaitable[Identity]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`namespace` is where the source says that one works, "" where it says nothing. `reread`
        reads token and certificate from their sources again (file, plugin, OIDC).
        """
        self.host = host.rstrip("/")
        self.tls = tls
        self.server_name = server_name
        self.proxy = proxy
        self.namespace = namespace
        self.refresh_failures = 0
        self._identity = identity or Identity()
        self._reread = reread
        self._clock = clock or SystemClock()
        self._read_at = self._clock.monotonic()
        self._lock = asyncio.Lock()

    async def authorization(self) -> str:
        """The `Authorization` header to send now, "" for none."""
        if self._reread is not None and self._age() >= REREAD_EVERY:
            async with self._lock:
                if self._age() >= REREAD_EVERY:
                    await self._refresh()
        return self._identity.authorization

    async def refused(self, header: str) -> bool:
        """A server refused `header`: read the sources again. True when there is another to try."""
        async with self._lock:
            unchanged = self._identity.authorization == header
            if unchanged and self._reread is not None and self._age() >= FORCED_APART:
                await self._refresh()
        return self._identity.authorization != header

    def _age(self) -> float:
        return self._clock.monotonic() - self._read_at

    async def _refresh(self) -> None:
        """A source that cannot be read just now keeps the last identity: the server decides."""
        assert self._reread is not None
        self._read_at = self._clock.monotonic()
        try:
            identity = await self._reread()
            if self.tls is not None and identity.certificate:
                # Handshakes from now on present the new certificate; open connections stay.
                load_client_certificate(self.tls, identity.certificate, identity.key)
        except ConfigError:
            self.refresh_failures += 1
            return
        self._identity = identity


def load_client_certificate(tls: ssl.SSLContext, certificate: str, key: str) -> None:
    """Let `tls` present a client certificate. Raises ConfigError naming the files."""
    try:
        tls.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"client certificate {certificate} with key {key or certificate} cannot be used: "
            f"{error}; both must be readable PEM files that belong together"
        ) from error
