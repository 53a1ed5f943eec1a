"""Serving TLS whose certificate and client authorities change while connections stay open.

The listening socket keeps one context for its life. Its server-name callback, which runs in every
handshake, hands the connection over to the context in force.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

from adapter.certificates import KeyPair, kept_pair, read_pair, self_signed
from adapter.core.trust import Trust
from adapter.files import follow
from adapter.metrics import AdapterMetrics
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.times import Clock

_log = get_logger("tls")


class ServingTls:
    """The TLS side of the listener."""

    def __init__(
        self,
        clock: Clock,
        metrics: AdapterMetrics,
        *,
        certificate_file: str = "",
        key_file: str = "",
        folder: str = "",
    ) -> None:
        """Files, or `folder` to keep a self-signed pair in, or neither: one in memory.

        Raises UsageError.
        """
        if bool(certificate_file) != bool(key_file):
            raise UsageError("give --tls-cert-file and --tls-private-key-file together")
        self._clock = clock
        self._metrics = metrics
        self._bundles = ""
        if folder and not certificate_file:
            certificate_file, key_file = kept_pair(folder, clock.now())
        self._files = (certificate_file, key_file) if certificate_file else ()
        if self._files:
            self._pair = read_pair(certificate_file, key_file)
        else:
            self._pair = self_signed(clock.now())
        self._current = self._build(self._pair, "")
        self.context = _bare()
        self.context.sni_callback = self._choose
        self._adopted()

    @property
    def expired(self) -> bool:
        """Whether the certificate being served is past its end."""
        return self._not_after * 1000 <= self._clock.now()

    def trust(self, trust: Trust) -> None:
        """Ask new connections for certificates of these authorities."""
        self._bundles = trust.proxy_bundle + "\n" + trust.client_bundle
        self._current = self._build(self._pair, self._bundles)

    async def follow_files(self) -> None:
        """Take over changed files until cancelled."""
        await follow(self._files, self._reread)

    def _reread(self) -> None:
        try:
            pair = read_pair(*self._files)
            context = self._build(pair, self._bundles)
        except UsageError as error:
            _log.error(
                "new serving certificate cannot be used; the old one stays", error=str(error)
            )
            return
        self._pair, self._current = pair, context
        self._adopted()
        _log.info("serving certificate changed")

    def _adopted(self) -> None:
        self._not_after = self._pair.not_after()
        self._metrics.certificate_expiry.set(self._not_after)

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _base: ssl.SSLContext) -> None:
        connection.context = self._current

    def _build(self, pair: KeyPair, bundles: str) -> ssl.SSLContext:
        context = _bare()
        names = ", ".join(self._files) or "the self-signed certificate"
        try:
            _load(context, pair)
            pair.not_after()
            if bundles.strip():
                context.load_verify_locations(cadata=bundles)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise UsageError(
                f"{names}: {error}; certificate and key must be PEM, belong together and have no "
                "password"
            ) from error
        return context


def _bare() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Asked for, not demanded: probes and scrapers have none (external-metrics-api §9.2).
    context.verify_mode = ssl.CERT_OPTIONAL
    # Every certificate of a bundle is an anchor, as for Go; it need not be self-signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """`ssl` reads key pairs from files alone, and both must be of the same moment."""
    with _named(pair.certificate) as certificate, _named(pair.key) as key:
        context.load_cert_chain(certificate, key, password=_no_password)


@contextmanager
def _named(content: bytes) -> Iterator[str]:
    """A name under which `content` can be read: in memory where that is possible, because root
    file systems are often read-only and keys have no business on disks.
    """
    memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("pem"), "wb") if memory else NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}" if memory else str(file.name)


def _no_password() -> str:
    """Without it OpenSSL would ask on the terminal."""
    raise ValueError("the private key is protected by a password")
