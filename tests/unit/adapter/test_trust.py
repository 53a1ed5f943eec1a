"""Certificates under two authorities that must never be mixed up."""

import datetime

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapter.core.identity import User
from adapter.core.trust import Headers, Peer, PeerVerifier, Trust, TrustError, overridden, trust_of

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
MILLIS = int(NOW.timestamp() * 1000)
YEAR = datetime.timedelta(days=365)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """An authority as cluster installers make it: RSA, no alternative names on its leaves."""

    def __init__(self, text: str = "front-proxy-ca", ca: bool = True) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.name = name(text)
        builder = self._builder(self.name, self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
        self.pem = (
            builder.sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )

    def _builder(self, subject: x509.Name, public_key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - YEAR)
            .not_valid_after(NOW + YEAR)
        )

    def leaf(
        self,
        text: str,
        usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    ) -> bytes:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        builder = self._builder(name(text), key.public_key())
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def proxies():
    return Authority()


@pytest.fixture(scope="module")
def people():
    return Authority("people")


def test_a_chain_counts_for_its_own_authority_alone(proxies, people):
    verifier = PeerVerifier(Trust(proxy_bundle=proxies.pem, client_bundle=people.pem))
    assert verifier.peer_of(proxies.leaf("p"), MILLIS) == Peer(proxy=True)
    assert verifier.peer_of(people.leaf("alice"), MILLIS) == Peer(user=User("alice"))


def test_one_authority_for_both_gives_both(proxies):
    verifier = PeerVerifier(Trust(proxy_bundle=proxies.pem, client_bundle=proxies.pem))
    assert verifier.peer_of(proxies.leaf("p"), MILLIS) == Peer(proxy=True, user=User("p"))


def test_an_impostor_authority_of_the_same_name_is_refused(proxies):
    verifier = PeerVerifier(Trust(proxy_bundle=proxies.pem))
    assert verifier.peer_of(Authority().leaf("p"), MILLIS) == Peer()


def test_names_and_validity(proxies):
    verifier = PeerVerifier(Trust(proxy_bundle=proxies.pem, allowed_names=("p",)))
    leaf = proxies.leaf("p")
    assert verifier.peer_of(leaf, MILLIS).proxy
    assert not verifier.peer_of(proxies.leaf("q"), MILLIS).proxy
    day = 24 * 3600 * 1000
    assert not verifier.peer_of(leaf, MILLIS + 366 * day).proxy
    assert not verifier.peer_of(leaf, MILLIS - 366 * day).proxy


@pytest.mark.parametrize(
    ("usages", "good"),
    [
        ((), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), False),
    ],
)
def test_usage_follows_gos_rule(proxies, usages, good):
    verifier = PeerVerifier(Trust(proxy_bundle=proxies.pem))
    assert verifier.peer_of(proxies.leaf("p", usages), MILLIS).proxy is good


def test_an_issuer_must_be_an_authority():
    nobody = Authority("nobody", ca=False)
    verifier = PeerVerifier(Trust(proxy_bundle=nobody.pem))
    assert not verifier.peer_of(nobody.leaf("p"), MILLIS).proxy


def test_rubbish_proves_nothing(proxies):
    assert PeerVerifier(Trust(proxy_bundle=proxies.pem)).peer_of(b"rubbish", MILLIS) == Peer()


def test_bundles_with_several_authorities():
    one, two = trustme.CA(), trustme.CA()
    bundle = (one.cert_pem.bytes() + two.cert_pem.bytes()).decode()
    verifier = PeerVerifier(Trust(client_bundle=bundle))
    for authority in (one, two):
        leaf = authority.issue_cert(common_name="alice", organization_name="staff")
        (parsed,) = x509.load_pem_x509_certificates(leaf.cert_chain_pems[0].bytes())
        der = parsed.public_bytes(serialization.Encoding.DER)
        assert verifier.peer_of(der, MILLIS).user == User("alice", groups=("staff",))


def test_the_published_trust(proxies):
    trust = trust_of(
        {
            "requestheader-client-ca-file": proxies.pem,
            "requestheader-allowed-names": "[]",
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
        }
    )
    assert trust.headers == Headers(("X-Remote-User",), (), (), ("X-Remote-Uid",))
    assert trust_of({}) == Trust(headers=Headers((), (), ()))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"client-ca-file": "rubbish"}, "client-ca-file: no usable PEM certificates"),
        ({"requestheader-allowed-names": "a,b"}, "requestheader-allowed-names: not a JSON list"),
    ],
)
def test_a_published_trust_that_cannot_be_used(data, message):
    with pytest.raises(TrustError, match=message):
        trust_of(data)


def test_flags_take_the_place_of_what_is_published(proxies, people):
    published = Trust(proxy_bundle=proxies.pem, client_bundle=proxies.pem, allowed_names=("p",))
    assert overridden(published, Trust()) == published
    mixed = overridden(published, Trust(client_bundle=people.pem))
    assert (mixed.proxy_bundle, mixed.client_bundle) == (proxies.pem, people.pem)
    # The proxy's settings belong together: names say nothing about another authority.
    own = overridden(published, Trust(proxy_bundle=people.pem))
    assert (own.proxy_bundle, own.allowed_names) == (people.pem, ())
