"""The serving certificate: read from files, or made for development.

Source: external-metrics-api §10, E-19.
"""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from adapter.core.rotation import Term
from kube.service.runtime import UsageError
from kube.vocab.times import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIER: Final = timedelta(minutes=5)
_VALID: Final = timedelta(days=365)


class KeyPair(Struct, frozen=True):
    """Certificate chain and private key, PEM."""

    certificate: bytes
    key: bytes

    def not_after(self) -> float:
        """When the certificate expires, seconds since the epoch. Raises ValueError."""
        leaf = x509.load_pem_x509_certificates(self.certificate)[0]
        return leaf.not_valid_after_utc.timestamp()

    def worn_out(self, now: Millis) -> bool:
        """Whether it has expired, or is self-signed and two thirds of its life are over: those are
        made here, and nobody else renews them. Raises ValueError.
        """
        leaf = x509.load_pem_x509_certificates(self.certificate)[0]
        term = term_of(leaf)
        return term.due(now) if leaf.issuer == leaf.subject else term.over(now)

    def names(self) -> tuple[str, ...]:
        """The server names that the certificate is good for, lower case. Raises ValueError."""
        leaf = x509.load_pem_x509_certificates(self.certificate)[0]
        try:
            found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ()
        return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))


_FLAGS: Final = ("--tls-cert-file", "--tls-private-key-file")


def read_pair(certificate_file: str, key_file: str, *, flags: tuple[str, str] = _FLAGS) -> KeyPair:
    """The pair in two files, which `flags` name. Raises UsageError naming flag and file."""
    parts = []
    for flag, name in zip(flags, (certificate_file, key_file), strict=True):
        try:
            parts.append(Path(name).read_bytes())
        except OSError as error:
            raise UsageError(
                f"{flag}: {name} cannot be read ({error.strerror}); name a PEM file"
            ) from error
    return KeyPair(parts[0], parts[1])


def kept_pair(folder: str, now: Millis) -> tuple[str, str]:
    """Names of `apiserver.crt` and `apiserver.key` in `folder`, made there if missing or worn out.

    Raises UsageError.
    """
    base = Path(folder)
    certificate, key = base / "apiserver.crt", base / "apiserver.key"
    try:
        if certificate.exists() and key.exists():
            pair = KeyPair(certificate.read_bytes(), key.read_bytes())
            if not pair.worn_out(now):
                return str(certificate), str(key)
        made = self_signed(now)
        base.mkdir(parents=True, exist_ok=True)
        certificate.write_bytes(made.certificate)
        descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made.key)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cert-dir: {folder}: {error}; choose a writable directory, or give --tls-cert-file "
            "and --tls-private-key-file"
        ) from error
    return str(certificate), str(key)


def self_signed(now: Millis) -> KeyPair:
    """A fresh pair for this machine's own names, valid for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wpa-adapter")])
    start = begin_of_validity(now)
    loopback = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), *map(x509.IPAddress, loopback)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), private_pem(key))


def term_of(certificate: x509.Certificate) -> Term:
    """How long the certificate is good."""
    return Term(
        round(certificate.not_valid_before_utc.timestamp() * 1000),
        round(certificate.not_valid_after_utc.timestamp() * 1000),
    )


def begin_of_validity(now: Millis) -> datetime:
    """When a certificate that is made now begins to be good: a little earlier, as clocks differ."""
    return _EPOCH + timedelta(milliseconds=now) - _EARLIER


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """`key` as PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
