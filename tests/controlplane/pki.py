"""Certificates of one cluster: an authority for it, another for the aggregator, a token key."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct


class Pair(Struct, frozen=True):
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority whose certificate lies in `file`."""

    def __init__(self, file: Path, organization: str, also: bytes = b"") -> None:
        """`also` are certificates of other authorities that `file` shall hold, too."""
        self.file = file
        self._ca = trustme.CA(organization_name=organization)
        _replace(file, self.pem + also)

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self._ca.cert_pem.bytes()

    def client(self, folder: Path, user: str, group: str = "") -> Pair:
        """A certificate that the API server reads as `user` in `group`."""
        # The name in the certificate's SAN is of no meaning; trustme wants one.
        leaf = self._ca.issue_cert("client.invalid", common_name=user, organization_name=group)
        return _write(leaf, folder / user.replace(":", "-"))

    def serving(self, file: Path, *names: str) -> Pair:
        """A certificate for a server of these host names and addresses; `file` has no suffix."""
        return _write(self._ca.issue_cert(*names), file)


class Pki:
    """All keys of a cluster, in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.cluster = Authority(folder / "ca.pem", "test cluster")
        self.front_proxy = Authority(folder / "front-proxy-ca.pem", "test front proxy")
        self.serving = self.cluster.serving(folder / "apiserver", "127.0.0.1", "localhost")
        self.proxy_client = self.front_proxy.client(folder, "front-proxy-client")
        self.admin = self.client("test-admin", "system:masters")
        self.token_key = folder / "service-accounts.key"
        self.token_public = folder / "service-accounts.pub"
        self._write_token_key()

    def client(self, user: str, group: str = "") -> Pair:
        """A certificate that the API server reads as `user` in `group`."""
        return self.cluster.client(self.folder, user, group)

    def rotate_front_proxy(self) -> None:
        """Give the aggregator a new authority and a new certificate, in the same files.

        The file of authorities then holds both. The API server watches the files: within seconds
        it presents the new certificate and updates the ConfigMap that extension servers read.
        """
        file = self.front_proxy.file
        self.front_proxy = Authority(file, "test front proxy, rotated", also=file.read_bytes())
        self.proxy_client = self.front_proxy.client(self.folder, "front-proxy-client")

    def _write_token_key(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.token_key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        self.token_public.write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


def _write(leaf: trustme.LeafCert, file: Path) -> Pair:
    pair = Pair(file.with_name(f"{file.name}.pem"), file.with_name(f"{file.name}.key"))
    chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    _replace(pair.certificate, chain)
    _replace(pair.key, leaf.private_key_pem.bytes())
    return pair


def _replace(file: Path, content: bytes) -> None:
    """Write at once: whoever watches the file never reads half of it."""
    unfinished = file.with_name(f"{file.name}.new")
    unfinished.write_bytes(content)
    unfinished.replace(file)
