"""Which certificates prove what to whom."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.pki import KeyPair, Pki


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names(pair: KeyPair) -> list[str]:
    extension = read(pair.certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return extension.value.get_values_for_type(x509.DNSName)


def common_name(pair: KeyPair) -> object:
    return read(pair.certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path / "pki")


def test_serving_pairs_carry_the_names_that_clients_call(pki: Pki):
    assert {"localhost", "kubernetes.default.svc"} <= set(names(pki.apiserver))
    assert {"adapter.shop.svc", "localhost"} <= set(names(pki.serving_pair("adapter", "shop")))


def test_the_front_proxy_has_an_authority_of_its_own(pki: Pki):
    proxy = read(pki.front_proxy.certificate)
    proxy.verify_directly_issued_by(read(pki.front_proxy_ca))
    with pytest.raises((ValueError, InvalidSignature)):
        proxy.verify_directly_issued_by(read(pki.ca))
    assert common_name(pki.front_proxy) == "front-proxy-client"


def test_a_client_pair_is_the_clusters_and_names_its_user(pki: Pki):
    pair = pki.client_pair("anna")
    certificate = read(pair.certificate)
    certificate.verify_directly_issued_by(read(pki.ca))
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.CLIENT_AUTH in usage
    assert common_name(pair) == "anna"


def test_keys_and_their_folder_are_private_and_authorities_keep_theirs(pki: Pki):
    assert pki.folder.stat().st_mode & 0o077 == 0
    keys = sorted(path.name for path in pki.folder.glob("*.key"))
    assert keys == ["apiserver.key", "front-proxy-client.key"]
    for key in keys:
        assert (pki.folder / key).stat().st_mode & 0o077 == 0
