"""A folder of certificates, and the sample recommender served over HTTPS with them."""

import os
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import trustme

from scaler.core.observed import Reading
from scaler.core.recommender import Advice
from scaler.shell.recommender import Recommenders
from tests.integration.recommender.sample import Asked, sample, serving
from tests.oracle.worlds import NOW
from tests.unit.scaler.recommender.worlds import recommended_spec, recommender_of


class Place:
    """What a test has of both; settings are named as in `tlsConfig`."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.asked = Asked()
        self.port = 0
        self.clients = trustme.CA()
        self._stack = stack

    async def serve(self, ca: trustme.CA, *names: str, app: Any = None, **context: Any) -> None:
        """Serve HTTPS to bearers of certificates of `self.clients`."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for field, value in context.items():
            setattr(tls, field, value)
        ca.issue_cert(*(names or ("127.0.0.1",))).configure_cert(tls)
        self.clients.configure_trust(tls)
        tls.verify_mode = ssl.CERT_REQUIRED
        served = serving(app or sample(), self.asked, tls)
        self.port = await self._stack.enter_async_context(served)

    def trust(self, ca: trustme.CA, name: str = "ca.pem") -> str:
        """Put the CA's certificate into a file, as a mounted Secret changes: by a rename."""
        return self.write(name, ca.cert_pem.bytes())

    def identify(self, ca: trustme.CA | None = None) -> dict[str, str]:
        """A client certificate."""
        pair = (ca or self.clients).issue_cert("scaler.test")
        certificate = b"".join(blob.bytes() for blob in pair.cert_chain_pems)
        return {
            "certFile": self.write("client.pem", certificate),
            "keyFile": self.write("client.key", pair.private_key_pem.bytes()),
        }

    def write(self, name: str, content: bytes) -> str:
        fresh = self.folder / f"{name}.new"
        fresh.write_bytes(content)
        os.replace(fresh, self.folder / name)
        return str(self.folder / name)

    def content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    async def ask(
        self, recommenders: Recommenders, path: str = "/autoscaling", **tls: Any
    ) -> Reading:
        url = f"https://127.0.0.1:{self.port}{path}"
        spec = recommended_spec({"url": url, "tlsConfig": tls or None})
        return await recommenders.read(spec, recommender_of(spec), 3, 3, NOW, 10**15)


def same(found: Reading) -> bool:
    """Whether it is the sample's recommendation for 3 replicas."""
    return found.good and found.advice == Advice(4, 2, 5, "one more than the 3 there are")
