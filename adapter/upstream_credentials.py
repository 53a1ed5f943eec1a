"""Whom we trust and who we are at one Prometheus: files that are read again when they change.

New connections use the new material, open ones stay. A file that turns bad changes nothing but a
gauge and a log line (external-metrics-api §16 row 19).
"""

import ssl
from pathlib import Path
from typing import Final

import aiohttp

from adapter.core.results import UpstreamError
from adapter.core.upstream import Upstream
from adapter.files import Stamp, no_password, stamp_of
from kube.client.credentials import Credentials
from kube.service.logs import get_logger

_log = get_logger("upstreams")

_FILES: Final = ("ca_file", "certificate_file", "key_file")


class UnusableUpstreamError(ValueError):
    """An upstream cannot be asked as described; `field` is the part of `Upstream` to change."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class UpstreamCredentials:
    """TLS context and `Authorization` header of one upstream.

    What the upstream's own files do not say comes from `cluster`, the credentials of a kubeconfig
    or of the pod's service account.
    """

    def __init__(self, name: str, upstream: Upstream, cluster: Credentials | None = None) -> None:
        """Raises UnusableUpstreamError."""
        self._name = name
        self._upstream = upstream
        self._cluster = cluster
        self._tls = _ClientTls(upstream) if upstream.url.startswith("https:") else None
        self._owns_tls = bool(upstream.ca_file or upstream.certificate_file) or cluster is None
        secret = upstream.token_file or upstream.password_file
        self._secret = _Secret(secret) if secret else None
        self._told_bad = False

    @property
    def good(self) -> bool:
        """Whether every file was usable when it was last read."""
        parts = (self._tls, self._secret)
        return not any(part is not None and part.trouble for part in parts)

    def tls(self) -> ssl.SSLContext | None:
        """The context of new connections; None for plain HTTP."""
        if self._tls is None:
            return None
        if not self._owns_tls and self._cluster is not None and self._cluster.tls is not None:
            return self._cluster.tls
        found = self._tls.context()
        self._tell()
        return found

    async def authorization(self) -> str:
        """The `Authorization` header to send now, "" for none. Raises UpstreamError."""
        if self._secret is None:
            return "" if self._cluster is None else await self._cluster.authorization()
        text = self._secret.read()
        self._tell()
        if not text:
            raise UpstreamError("unavailable", self._secret.trouble)
        if not self._upstream.username:
            return f"Bearer {text}"
        return aiohttp.encode_basic_auth(self._upstream.username, text, encoding="utf-8")

    async def refused(self, header: str) -> bool:
        """Prometheus refused `header`; whether there is another one to try now."""
        if self._secret is not None or self._cluster is None:
            return False
        return await self._cluster.refused(header)

    def _tell(self) -> None:
        if self.good == (not self._told_bad):
            return
        self._told_bad = not self.good
        if self.good:
            _log.info("files for Prometheus are usable again", upstream=self._name)
            return
        troubles = [part.trouble for part in (self._tls, self._secret) if part and part.trouble]
        _log.error(
            "new files for Prometheus cannot be used; the old ones stay",
            upstream=self._name,
            error="; ".join(troubles),
        )


class _ClientTls:
    """A context made of files, and made anew when they change."""

    def __init__(self, upstream: Upstream) -> None:
        self.trouble = ""
        self._upstream = upstream
        self._names = [name for field in _FILES if (name := getattr(upstream, field))]
        for field in _FILES:
            name = getattr(upstream, field)
            if name and not Path(name).is_file():
                raise UnusableUpstreamError(field, f"{name} does not exist; name a PEM file")
        self._stamps = self._now()
        try:
            self._context = _context(upstream)
        except (OSError, ValueError) as error:
            field = "certificate_file" if upstream.certificate_file else "ca_file"
            raise UnusableUpstreamError(field, self._said(error)) from error

    def context(self) -> ssl.SSLContext:
        stamps = self._now()
        if stamps != self._stamps:
            self._stamps = stamps
            try:
                self._context = _context(self._upstream)
                self.trouble = ""
            except (OSError, ValueError) as error:
                self.trouble = self._said(error)
        return self._context

    def _now(self) -> list[Stamp]:
        return [stamp_of(name) for name in self._names]

    def _said(self, error: Exception) -> str:
        files = ", ".join(self._names) or "system roots"
        return f"TLS files ({files}): {error}; they must be PEM and key and certificate a pair"


def _context(upstream: Upstream) -> ssl.SSLContext:
    """Raises OSError (ssl.SSLError is one) and ValueError."""
    context = ssl.create_default_context(cafile=upstream.ca_file or None)
    if upstream.certificate_file:
        key = upstream.key_file or None
        context.load_cert_chain(upstream.certificate_file, key, password=no_password)
    return context


class _Secret:
    """A token or password in a file; the last good one stays while the file is bad."""

    def __init__(self, name: str) -> None:
        self.trouble = ""
        self._name = name
        self._stamp: Stamp = None
        self._text = ""

    def read(self) -> str:
        """The secret, "" while there never was a good one."""
        stamp = stamp_of(self._name)
        if stamp is None or stamp != self._stamp:
            self._stamp = stamp
            self._reread()
        return self._text

    def _reread(self) -> None:
        try:
            text = Path(self._name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.trouble = f"{self._name}: {error}"
            return
        # Anything else cannot stand in a header; an empty file is one that is being written.
        if not text or not text.isprintable():
            self.trouble = f"{self._name} is empty or has control characters"
            return
        self._text, self.trouble = text, ""
