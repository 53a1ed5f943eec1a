"""What TLS may be spoken, in the words of Go's flags.

Source: the names of Go's `crypto/tls`, as prometheus-adapter's flags take them
(external-metrics-api §12.4).
"""

from typing import Final, Literal

from msgspec import Struct

Version = Literal["1.2", "1.3"]

VERSIONS: Final[dict[str, Version]] = {
    "": "1.2",
    # Older versions are broken; who allows them here gets what every client since 2014 speaks.
    "VersionTLS10": "1.2",
    "VersionTLS11": "1.2",
    "VersionTLS12": "1.2",
    "VersionTLS13": "1.3",
}
"""Oldest version spoken, by what `--tls-min-version` says."""

_ALWAYS: Final = frozenset(
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
)
"""Suites of TLS 1.3, of which neither Go nor we let anybody choose."""

_OPENSSL: Final[dict[str, str]] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
_BROKEN: Final = ("_RC4_", "_3DES_")


class TlsPolicy(Struct, frozen=True):
    """What the server agrees to speak."""

    oldest: Version = "1.2"
    ciphers: str = ""
    """For TLS 1.2, as OpenSSL writes lists; "" for the library's choice."""


class NamedFiles(Struct, frozen=True):
    """A key pair for clients that ask for certain names."""

    certificate: str
    key: str
    names: tuple[str, ...] = ()
    """As `--tls-sni-cert-key` gives them, lower case; empty for those of the certificate."""


def policy_of(minimum: str, suites: tuple[str, ...]) -> TlsPolicy:
    """What `--tls-min-version` and `--tls-cipher-suites` allow. Raises ValueError."""
    if minimum not in VERSIONS:
        known = ", ".join(name for name in VERSIONS if name)
        raise ValueError(f"--tls-min-version: {minimum!r} is none of {known}")
    oldest = VERSIONS[minimum]
    ciphers = []
    for name in suites:
        if name in _ALWAYS:
            continue
        if any(part in name for part in _BROKEN):
            raise ValueError(f"--tls-cipher-suites: {name} is broken and not served; leave it out")
        if name not in _OPENSSL:
            raise ValueError(
                f"--tls-cipher-suites: {name!r} is unknown; write Go's names, such as "
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
            )
        ciphers.append(_OPENSSL[name])
    if suites and not ciphers:
        # Suites of TLS 1.3 alone leave nothing that 1.2 could be spoken with.
        return TlsPolicy("1.3")
    return TlsPolicy(oldest, ":".join(ciphers))


def named_files(text: str) -> NamedFiles:
    """Read `FILE.crt,FILE.key` or `FILE.crt,FILE.key:NAME,*.NAME`. Raises ValueError."""
    files, colon, patterns = text.partition(":")
    certificate, _, key = files.partition(",")
    names = tuple(one.strip().lower() for one in patterns.split(",") if one.strip())
    if not certificate.strip() or not key.strip() or "," in key or (colon and not names):
        raise ValueError(
            f"--tls-sni-cert-key: {text!r} is not like foo.crt,foo.key or "
            "foo.crt,foo.key:*.foo.com,foo.com"
        )
    return NamedFiles(certificate.strip(), key.strip(), names)


def wildcard_of(name: str) -> str:
    """The pattern that also covers `name`: `*` for its first label."""
    return f"*.{name.partition('.')[2]}"
