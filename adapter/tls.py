"""Serving TLS whose certificates and client authorities change while connections stay open.

The listening socket keeps one context for its life. Its server-name callback, which runs in every
handshake, hands the connection over to the context in force for that name.
"""

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Final

from adapter.certificates import KeyPair, kept_pair, read_pair, self_signed
from adapter.core.tls_policy import NamedFiles, TlsPolicy, wildcard_of
from adapter.core.trust import Trust
from adapter.files import follow, no_password
from adapter.metrics import AdapterMetrics
from adapter.settings import ServingFiles
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.times import Clock

_log = get_logger("tls")

RENEWAL_LOOK: Final = 60.0
"""Seconds between looks at how old the certificate is."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

_Named = tuple[NamedFiles, KeyPair]


class ServingTls:
    """The TLS side of the listener."""

    def __init__(
        self, files: ServingFiles, policy: TlsPolicy, clock: Clock, metrics: AdapterMetrics
    ) -> None:
        """Raises UsageError for files that cannot be used."""
        if bool(files.certificate) != bool(files.key):
            raise UsageError("give --tls-cert-file and --tls-private-key-file together")
        if files.managed and (files.certificate or files.folder):
            raise UsageError(
                "--tls-managed-secret stands alone: leave out --tls-cert-file and --cert-dir"
            )
        self._awaited = bool(files.managed)
        self._folder = "" if files.certificate else files.folder
        self._policy = policy
        self._clock = clock
        self._metrics = metrics
        self._bundles = ""
        self._own = (files.certificate, files.key) if files.certificate else ()
        if self._folder:
            self._own = kept_pair(self._folder, clock.now())
        self._pair = read_pair(*self._own) if self._own else self_signed(clock.now())
        self._named = [(one, _read_named(one)) for one in files.named]
        self._current, self._by_name = self._built(self._pair, self._named)
        self.context = _bare(policy)
        self.context.sni_callback = self._choose
        self._adopted()

    @property
    def unready(self) -> str | None:
        """Why callers cannot trust what is served; None if they can."""
        if self._awaited:
            return "the managed certificate is not there yet"
        return (
            "the certificate has expired" if self._not_after * 1000 <= self._clock.now() else None
        )

    def trust(self, trust: Trust) -> None:
        """Ask new connections for certificates of these authorities."""
        self._bundles = trust.proxy_bundle + "\n" + trust.client_bundle
        self._current, self._by_name = self._built(self._pair, self._named)

    def adopt(self, pair: KeyPair) -> None:
        """Serve `pair` to new connections. Raises UsageError for one that cannot be used."""
        self._current, self._by_name = self._built(pair, self._named)
        self._pair = pair
        self._awaited = False
        self._adopted()
        _log.info("serving certificate changed")

    async def keep_fresh(self) -> None:
        """Renew a self-signed certificate before it expires, until cancelled."""
        while True:
            await asyncio.sleep(RENEWAL_LOOK)
            self.renew_if_due()

    def renew_if_due(self) -> None:
        """Make a new self-signed certificate when two thirds of the old one's life are over."""
        now = self._clock.now()
        try:
            if self._folder:
                # Who follows the files takes them over.
                kept_pair(self._folder, now)
            elif not self._own and self._pair.worn_out(now):
                self.adopt(self_signed(now))
        except (UsageError, ValueError) as error:
            _log.error("the serving certificate cannot be renewed", error=str(error))

    async def follow_files(self) -> None:
        """Take over changed files until cancelled."""
        named = [name for one, _ in self._named for name in (one.certificate, one.key)]
        await follow([*self._own, *named], self._reread)

    def _reread(self) -> None:
        try:
            named = [(one, _read_named(one)) for one, _ in self._named]
            pair = read_pair(*self._own) if self._own else self._pair
            self._current, self._by_name = self._built(pair, named)
        except UsageError as error:
            _log.error(
                "new serving certificate cannot be used; the old one stays", error=str(error)
            )
            return
        self._named, self._pair = named, pair
        self._adopted()
        _log.info("serving certificate changed")

    def _adopted(self) -> None:
        self._not_after = self._pair.not_after()
        self._metrics.certificate_expiry.set(self._not_after)

    def _choose(self, connection: ssl.SSLObject, name: str | None, _base: ssl.SSLContext) -> None:
        context = None
        if self._by_name and name:
            name = name.lower()
            context = self._by_name.get(name) or self._by_name.get(wildcard_of(name))
        connection.context = context or self._current

    def _built(
        self, pair: KeyPair, named: list[_Named]
    ) -> tuple[ssl.SSLContext, Mapping[str, ssl.SSLContext]]:
        """Contexts for everybody and by server name. Raises UsageError."""
        everybody = self._build(pair, ", ".join(self._own) or "the made certificate")
        by_name: dict[str, ssl.SSLContext] = {}
        contexts = [
            (one, other, self._build(other, f"{one.certificate}, {one.key}"))
            for one, other in named
        ]
        # Names that a flag spells out count before those in certificates, and earlier pairs first.
        for one, _, context in contexts:
            for name in one.names:
                by_name.setdefault(name, context)
        for one, other, context in contexts:
            for name in () if one.names else other.names():
                by_name.setdefault(name, context)
        return everybody, by_name

    def _build(self, pair: KeyPair, source: str) -> ssl.SSLContext:
        context = _bare(self._policy)
        try:
            _load(context, pair)
            pair.not_after()
            if self._bundles.strip():
                context.load_verify_locations(cadata=self._bundles)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise UsageError(
                f"{source}: {error}; certificate and key must be PEM, belong together and have no "
                "password"
            ) from error
        return context


def _read_named(files: NamedFiles) -> KeyPair:
    flag = "--tls-sni-cert-key"
    return read_pair(files.certificate, files.key, flags=(flag, flag))


def _bare(policy: TlsPolicy) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[policy.oldest]
    if policy.ciphers:
        try:
            context.set_ciphers(policy.ciphers)
        except ssl.SSLError as error:
            raise UsageError(
                f"--tls-cipher-suites: the TLS library has none of {policy.ciphers}"
            ) from error
    # Asked for, not demanded: probes and scrapers have none (external-metrics-api §9.2).
    context.verify_mode = ssl.CERT_OPTIONAL
    # Every certificate of a bundle is an anchor, as for Go; it need not be self-signed.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """`ssl` reads key pairs from files alone, and both must be of the same moment."""
    with _readable(pair.certificate) as certificate, _readable(pair.key) as key:
        context.load_cert_chain(certificate, key, password=no_password)


@contextmanager
def _readable(content: bytes) -> Iterator[str]:
    """A name under which `content` can be read: in memory where that is possible, because root
    file systems are often read-only and keys have no business on disks.
    """
    memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("pem"), "wb") if memory else NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}" if memory else str(file.name)
