"""The certificates of one sandbox, in one folder.

Two authorities that do not know each other, as in a real cluster: the cluster's, which signs the
API server's and the adapter's serving pairs, and the front proxy's, which signs nothing but the
certificate with which the API server proves to a backend that `X-Remote-*` headers are its own
(external-metrics-api §9.1). They are made anew at every start and their keys never reach the disk.
"""

import ssl
from datetime import datetime
from pathlib import Path
from typing import Final

import trustme
from msgspec import Struct

FRONT_PROXY_NAME: Final = "front-proxy-client"
_SERVER_NAMES: Final = ("127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default.svc")


class KeyPair(Struct, frozen=True):
    """A certificate chain and its private key, as PEM files."""

    certificate: Path
    key: Path


class Pki:
    """Makes the authorities and pairs of one sandbox in `folder`, which it creates."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the folder cannot be written."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._authority = trustme.CA(organization_name="sandbox cluster")
        self._front_proxy = trustme.CA(organization_name="sandbox front proxy")
        self.ca = folder / "ca.crt"
        """What clients trust; also signs serving pairs of backends (an APIService's caBundle)."""
        self.front_proxy_ca = folder / "front-proxy-ca.crt"
        """What backends trust for front-proxy certificates."""
        self._authority.cert_pem.write_to_path(str(self.ca))
        self._front_proxy.cert_pem.write_to_path(str(self.front_proxy_ca))
        self.apiserver = self._issue(self._authority, "apiserver", _SERVER_NAMES)
        self.front_proxy = self._issue(self._front_proxy, FRONT_PROXY_NAME, (FRONT_PROXY_NAME,))

    @property
    def ca_pem(self) -> bytes:
        """The cluster's authority, PEM."""
        return self._authority.cert_pem.bytes()

    @property
    def front_proxy_ca_pem(self) -> bytes:
        """The front proxy's authority, PEM."""
        return self._front_proxy.cert_pem.bytes()

    def serving_pair(
        self, service: str, namespace: str, *, not_after: datetime | None = None
    ) -> KeyPair:
        """A pair for a backend on this machine that the aggregator calls as `service`.

        It is good for long, unless its end is given.
        """
        names = (f"{service}.{namespace}.svc", "localhost", "127.0.0.1", "::1")
        return self._issue(self._authority, f"{namespace}-{service}", names, not_after)

    def client_pair(self, user: str) -> KeyPair:
        """A pair with which `user` (a DNS-like name, it becomes the CN) can call a backend."""
        return self._issue(self._authority, f"client-{user}", (user,))

    def server_context(self) -> ssl.SSLContext:
        """TLS of the API server's listener."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.apiserver.certificate, self.apiserver.key)
        return context

    def _issue(
        self,
        authority: trustme.CA,
        stem: str,
        names: tuple[str, ...],
        not_after: datetime | None = None,
    ) -> KeyPair:
        issued = authority.issue_cert(*names, common_name=names[0], not_after=not_after)
        pair = KeyPair(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(issued.private_key_pem.bytes())
        return pair
