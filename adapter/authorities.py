"""A certificate authority of our own and the serving certificates that it issues."""

from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from adapter.certificates import KeyPair, begin_of_validity, private_pem, term_of
from adapter.core.rotation import Authority, Kept, Leaf
from kube.vocab.times import Millis

AUTHORITY_FOR: Final = timedelta(days=365)
LEAF_FOR: Final = timedelta(days=90)


class Material(Struct, frozen=True):
    """What the replicas share, PEM. The first authority in `bundle` has `authority_key`."""

    bundle: bytes
    authority_key: bytes
    leaf: KeyPair

    def kept(self) -> Kept:
        """What decides about rotation. Raises ValueError for what is no usable PEM."""
        authorities = x509.load_pem_x509_certificates(self.bundle)
        leaf = x509.load_pem_x509_certificates(self.leaf.certificate)[0]
        issuer = next((one for one in authorities if _issued(leaf, one)), None)
        return Kept(
            tuple(Authority(_identity(one), term_of(one)) for one in authorities),
            Leaf(
                _identity(issuer) if issuer is not None else "",
                frozenset(self.leaf.names()),
                term_of(leaf),
            ),
        )


def identities(bundle: bytes) -> frozenset[str]:
    """The authorities in a PEM bundle; none of one that cannot be read."""
    try:
        return frozenset(map(_identity, x509.load_pem_x509_certificates(bundle)))
    except ValueError:
        return frozenset()


def created(names: frozenset[str], now: Millis) -> Material:
    """A new authority and a certificate of it."""
    certificate, key = _authority(now)
    return Material(_pem(certificate), private_pem(key), _leaf(certificate, key, names, now))


def with_authority(old: Material, now: Millis) -> Material:
    """A new authority before the old ones; the certificate stays. Raises ValueError."""
    certificate, key = _authority(now)
    bundle = b"".join(map(_pem, [certificate, *_in_force(old, now)]))
    return Material(bundle, private_pem(key), old.leaf)


def without_expired(old: Material, now: Millis) -> Material:
    """The same without authorities that have expired. Raises ValueError."""
    return Material(b"".join(map(_pem, _in_force(old, now))), old.authority_key, old.leaf)


def with_leaf(old: Material, names: frozenset[str], now: Millis) -> Material:
    """A new certificate of the newest authority. Raises ValueError."""
    authority = x509.load_pem_x509_certificates(old.bundle)[0]
    key = serialization.load_pem_private_key(old.authority_key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not of the kind that is made here")
    if key.public_key() != authority.public_key():
        raise ValueError("the authority's key does not belong to the first certificate")
    return Material(old.bundle, old.authority_key, _leaf(authority, key, names, now))


def _in_force(old: Material, now: Millis) -> list[x509.Certificate]:
    """The authorities that have not expired. Raises ValueError."""
    found = x509.load_pem_x509_certificates(old.bundle)
    return [one for one in found if not term_of(one).over(now)]


def _authority(now: Millis) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    # Names of their own, so that verifiers tell several apart.
    text = f"wpa-adapter authority {serial:x}"[:60]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    start = begin_of_validity(now)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial, start, start + AUTHORITY_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _leaf(
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    names: frozenset[str],
    now: Millis,
) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "wpa-adapter")])
    start = begin_of_validity(now)
    end = min(start + LEAF_FOR, authority.not_valid_after_utc)
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder(
            authority.subject, subject, key.public_key(), x509.random_serial_number(), start, end
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in sorted(names)]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return KeyPair(_pem(certificate), private_pem(key))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _identity(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
