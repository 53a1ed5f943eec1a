"""TLS settings of a recommender as a context, and whether its files have changed (U25)."""

import os
import ssl
import warnings
from collections.abc import Mapping
from typing import Final

from scaler.core.recommender import Tls, TlsVersion

Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, time of change, size and inode of each file: differs once a file was replaced."""

_VERSIONS: Final[Mapping[TlsVersion, ssl.TLSVersion]] = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class TlsError(Exception):
    """The settings or the files they name are of no use; the message says which and why."""


class PairMismatch(TlsError):
    """Key and certificate do not belong together: perhaps only one was replaced so far."""


class _Context(ssl.SSLContext):
    """A context that may expect one name of every server, through proxies and redirects too."""

    expected_name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        name = self.expected_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session)


def stamp_of(tls: Tls) -> Stamp:
    """The state of the files of `tls`. Raises TlsError where one cannot be read."""
    found = []
    for what, path in _files(tls).items():
        try:
            state = os.stat(path)
        except (OSError, ValueError) as error:
            raise TlsError(_unreadable(what, path, error)) from None
        found.append((path, state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(found)


def context_of(tls: Tls) -> ssl.SSLContext:
    """A context that does what `tls` says. Raises TlsError."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.expected_name = tls.server_name
    _limit_versions(context, tls)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _trust(context, tls.ca_file)
    _identify(context, tls)
    return context


def _files(tls: Tls) -> dict[str, str]:
    files = {"caFile": tls.ca_file, "certFile": tls.cert_file, "keyFile": tls.key_file}
    return {what: path for what, path in files.items() if path}


def _limit_versions(context: ssl.SSLContext, tls: Tls) -> None:
    with warnings.catch_warnings():
        # TLS 1.0 and 1.1 are deprecated; who names them in an object knows.
        warnings.simplefilter("ignore", DeprecationWarning)
        if tls.min_version:
            context.minimum_version = _VERSIONS[tls.min_version]
        if tls.max_version:
            context.maximum_version = _VERSIONS[tls.max_version]
            if not tls.min_version and context.maximum_version < context.minimum_version:
                context.minimum_version = context.maximum_version
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        # OpenSSL's usual security level refuses the signatures of these versions.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")


def _trust(context: ssl.SSLContext, path: str) -> None:
    if not path:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise TlsError(f"failed to append root CA to pool: caFile {path}: {error}") from None
    except OSError as error:
        raise TlsError(_unreadable("caFile", path, error)) from None


def _identify(context: ssl.SSLContext, tls: Tls) -> None:
    if not tls.cert_file and not tls.key_file:
        return
    if not tls.cert_file or not tls.key_file:
        missing = "keyFile" if tls.cert_file else "certFile"
        raise TlsError(f"a client certificate needs certFile and keyFile, {missing} is missing")
    try:
        # An empty password makes an encrypted key an error where OpenSSL would ask the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except ssl.SSLError as error:
        text = f"cannot use certFile {tls.cert_file} with keyFile {tls.key_file}: {error}"
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        raise (PairMismatch(text) if mismatch else TlsError(text)) from None
    except (OSError, ValueError) as error:
        what = f"certFile {tls.cert_file} or keyFile"
        raise TlsError(_unreadable(what, tls.key_file, error)) from None


def _unreadable(what: str, path: str, error: Exception) -> str:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"cannot read {what} {path}: {reason}"
