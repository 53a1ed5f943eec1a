"""Which certificates make a front proxy, which make a user.

The two authorities are never mixed: a person's certificate must not be able to pose as the proxy
and forge identity headers, so a chain is verified against one bundle at a time.
Source: external-metrics-api §9.1, §9.2.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from adapter.core.identity import User
from kube.vocab.times import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = msgspec.json.Decoder(list[str])


class TrustError(ValueError):
    """Trust settings that cannot be used; the message names the key and the fix."""


class Headers(Struct, frozen=True):
    """Names of the headers in which a front proxy passes the caller's identity on."""

    username: tuple[str, ...] = ("X-Remote-User",)
    group: tuple[str, ...] = ("X-Remote-Group",)
    extra_prefixes: tuple[str, ...] = ("X-Remote-Extra-",)
    uid: tuple[str, ...] = ()


class Trust(Struct, frozen=True):
    """Everything that decides who a certificate stands for. Bundles are PEM text, "" for none."""

    proxy_bundle: str = ""
    client_bundle: str = ""
    allowed_names: tuple[str, ...] = ()
    """Common names a front proxy may have; empty allows any that its authority signed."""
    headers: Headers = Headers()


class Peer(Struct, frozen=True):
    """What a client certificate proves."""

    proxy: bool = False
    user: User | None = None


def trust_of(data: Mapping[str, str]) -> Trust:
    """Read the ConfigMap `extension-apiserver-authentication`. Raises TrustError."""
    trust = Trust(
        proxy_bundle=data.get("requestheader-client-ca-file", ""),
        client_bundle=data.get("client-ca-file", ""),
        allowed_names=_names(data, "requestheader-allowed-names"),
        headers=Headers(
            username=_names(data, "requestheader-username-headers"),
            group=_names(data, "requestheader-group-headers"),
            extra_prefixes=_names(data, "requestheader-extra-headers-prefix"),
            uid=_names(data, "requestheader-uid-headers"),
        ),
    )
    check_trust(trust)
    return trust


def check_trust(trust: Trust) -> None:
    """Raise TrustError unless every bundle holds certificates."""
    for key, bundle in (
        ("requestheader-client-ca-file", trust.proxy_bundle),
        ("client-ca-file", trust.client_bundle),
    ):
        if bundle:
            _authorities(bundle, key)


def overridden(base: Trust, over: Trust) -> Trust:
    """`base` with each part that `over` spells out; the proxy's settings go together."""
    proxied = over if over.proxy_bundle else base
    return Trust(
        proxy_bundle=proxied.proxy_bundle,
        client_bundle=over.client_bundle or base.client_bundle,
        allowed_names=proxied.allowed_names,
        headers=proxied.headers,
    )


class PeerVerifier:
    """Verifies client certificates under one `Trust`."""

    def __init__(self, trust: Trust) -> None:
        """Raises TrustError."""
        self.trust = trust
        self._proxies = _store(trust.proxy_bundle, "requestheader-client-ca-file")
        self._clients = _store(trust.client_bundle, "client-ca-file")

    def peer_of(self, certificate: bytes, now: Millis) -> Peer:
        """What the DER `certificate` proves at `now`."""
        try:
            leaf = x509.load_der_x509_certificate(certificate)
            names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            common_name = str(names[0].value) if names else ""
            organisations = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        except ValueError:
            return Peer()
        at = _EPOCH + timedelta(milliseconds=now)
        allowed = self.trust.allowed_names
        proxy = (not allowed or common_name in allowed) and _chains(leaf, self._proxies, at)
        user = None
        if common_name and _chains(leaf, self._clients, at):
            user = User(common_name, groups=tuple(str(one.value) for one in organisations))
        return Peer(proxy, user)


def _chains(leaf: x509.Certificate, store: verification.Store | None, at: datetime) -> bool:
    if store is None:
        return False
    policy = (
        verification.PolicyBuilder()
        .store(store)
        .time(at)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_CLIENT)
        .build_client_verifier()
    )
    try:
        policy.verify(leaf, [])
    except verification.VerificationError:
        return False
    return True


def _is_authority(
    _policy: verification.Policy, _cert: x509.Certificate, constraints: x509.BasicConstraints
) -> None:
    if not constraints.ca:
        raise ValueError("not a certificate authority")


def _for_clients(
    _policy: verification.Policy, _cert: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    """Go's rule: no usage at all permits everything."""
    permitted = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if usage is not None and not any(one in permitted for one in usage):
        raise ValueError("not a client certificate")


# Cluster certificates are not those of the web: front proxies have no subject alternative name.
_AUTHORITY: Final = verification.ExtensionPolicy.permit_all().require_present(
    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _is_authority
)
_CLIENT: Final = verification.ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, verification.Criticality.AGNOSTIC, _for_clients
)


def _store(bundle: str, key: str) -> verification.Store | None:
    return verification.Store(_authorities(bundle, key)) if bundle else None


def _authorities(bundle: str, key: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(bundle.encode())
    except ValueError as error:
        raise TrustError(
            f"{key}: no usable PEM certificates ({error}); give the bundle of the authority"
        ) from error


def _names(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    text = data.get(key, "")
    if not text:
        return ()
    try:
        return tuple(_NAMES.decode(text.encode()))
    except msgspec.DecodeError as error:
        raise TrustError(f"{key}: not a JSON list of texts ({error})") from error
