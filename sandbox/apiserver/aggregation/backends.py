"""Where an APIService's backend is, and how to speak to it: address, TLS, identity headers."""

import base64
import binascii
import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from multidict import CIMultiDict

from sandbox.apiserver.access.identity import User
from sandbox.apiserver.kinds.resources import SERVICES, Object
from sandbox.apiserver.storage.store import Store
from sandbox.pki import KeyPair

_HOP_BY_HOP: Final = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
     "te", "trailer", "transfer-encoding", "upgrade")
)  # fmt: skip
_IDENTITY: Final = ("x-remote-", "impersonate-")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_HEADER_SAFE: Final = "!#$&'*+-.^_`|~"


class Unreachable(Exception):
    """There is no way to a backend; `reason` is the APIService condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Backend(Struct, frozen=True):
    """A backend's address and the context that verifies it under `server_name`."""

    host: str
    port: int
    server_name: str
    tls: ssl.SSLContext

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"https://{self.host}:{self.port}"


class Backends:
    """Resolves APIServices; keeps one TLS context for each bundle, so that connections pool."""

    def __init__(self, store: Store, client: KeyPair) -> None:
        """`client` is the front-proxy certificate that backends are shown."""
        self._store = store
        self._client = client
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def of(self, api_service: Object) -> Backend:
        """The backend of an APIService. Raises Unreachable.

        Only Services of type ExternalName lead anywhere: the sandbox has no cluster network.
        """
        spec = api_service["spec"]
        reference = spec["service"]
        name, namespace = reference.get("name") or "", reference.get("namespace") or ""
        service = self._store.find(SERVICES, namespace, name)
        if service is None:
            raise Unreachable("ServiceNotFound", f'service/{name} in "{namespace}" is not present')
        host = (service.get("spec") or {}).get("externalName")
        if not host:
            raise Unreachable(
                "EndpointsNotFound",
                f'service/{name} in "{namespace}" leads nowhere: the sandbox has no cluster '
                "network; give it type ExternalName and externalName localhost",
            )
        port = reference.get("port", 443)
        if not _HOST.fullmatch(host) or not 0 < port < 65536:
            raise Unreachable(
                "ServiceAccessError",
                f'service/{name} in "{namespace}": {host}:{port} is no address',
            )
        return Backend(host, port, f"{name}.{namespace}.svc", self._tls(spec))

    def _tls(self, spec: Object) -> ssl.SSLContext:
        key = (spec.get("caBundle") or "", bool(spec.get("insecureSkipTLSVerify")))
        if key not in self._contexts:
            self._contexts[key] = self._new_context(*key)
        return self._contexts[key]

    def _new_context(self, bundle: str, insecure: bool) -> ssl.SSLContext:
        try:
            pem = base64.b64decode(bundle, validate=True).decode("ascii")
            context = ssl.create_default_context(cadata=pem or None)
        except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
            raise Unreachable(
                "FailedDiscoveryCheck", f"spec.caBundle holds no PEM certificates: {error}"
            ) from None
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(self._client.certificate, self._client.key)
        return context


def identity_headers(user: User) -> Iterable[tuple[str, str]]:
    """The headers that tell a backend for whom a request is made."""
    yield "X-Remote-User", user.name
    for group in user.groups:
        yield "X-Remote-Group", group
    for key, values in user.extra.items():
        for value in values:
            yield f"X-Remote-Extra-{quote(key, safe=_HEADER_SAFE)}", value


def request_headers(received: Mapping[str, str], user: User) -> CIMultiDict[str]:
    """The headers to send on: without the caller's credentials and forged identities."""
    headers = CIMultiDict(end_to_end(received))
    headers.popall("Host", None)
    headers.popall("Authorization", None)
    for name in {name for name in headers if name.lower().startswith(_IDENTITY)}:
        headers.popall(name, None)
    headers.extend(identity_headers(user))
    return headers


def end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Headers that are meant for the other end, not for this hop."""
    named = {item.strip().lower() for item in headers.get("Connection", "").split(",")}
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in named
    ]
