"""Serving certificates that the adapter manages by itself: all replicas share one Secret.

Whichever replica sees first that something is due does it; the Secret's resource version settles
who was first. The API server learns the authorities through `caBundle` of the APIService
(external-metrics-api §10, E-19).
"""

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from adapter import authorities
from adapter.authorities import Material
from adapter.certificates import KeyPair
from adapter.core.documents import GROUP, VERSION
from adapter.core.rotation import Step, next_step
from adapter.tls import ServingTls
from kube.client.errors import Conflict, Forbidden, KubeError, NotFound
from kube.client.requests import Patch, Resource, create_of, get_of, patch_of
from kube.client.transport import ApiClient
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Clock

_log = get_logger("certificates")

EVERY: Final = 60.0
"""Seconds between looks; also those that API servers get to learn a new authority."""

SOON: Final = 5.0
"""Seconds between looks while there is nothing to serve yet."""
_STEPS: Final = 10
"""Steps that are taken at once, at most."""

_SECRETS: Final = Resource("", "v1", "secrets")
_API_SERVICES: Final = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)
_API_SERVICE: Final = f"{VERSION}.{GROUP}"
_KEYS: Final = ("ca.crt", "ca.key", "tls.crt", "tls.key")


class _Secret(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, bytes] | None = None


class _Service(Wire, frozen=True):
    namespace: str = ""
    name: str = ""


class _ApiServiceSpec(Wire, frozen=True):
    service: _Service | None = None
    ca_bundle: bytes = b""


class _ApiService(Wire, frozen=True):
    spec: _ApiServiceSpec = field(default_factory=_ApiServiceSpec)


_SECRET: Final = msgspec.json.Decoder(_Secret)
_SERVICE: Final = msgspec.json.Decoder(_ApiService)
_ANYTHING: Final = msgspec.json.Decoder(Any)


class SecretName(Struct, frozen=True):
    """The Secret that replicas share."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "SecretName":
        """Read `NAMESPACE/NAME`. Raises UsageError."""
        namespace, _, name = text.partition("/")
        if not namespace or not name or "/" in name:
            raise UsageError(f"--tls-managed-secret: {text!r} is not like NAMESPACE/NAME")
        return cls(namespace, name)


class _BadSecretError(Exception):
    """The Secret holds something else."""


class ManagedCertificates:
    """Keeps the Secret, the APIService and what is served in step."""

    def __init__(
        self, secret: SecretName, client: ApiClient, tls: ServingTls, clock: Clock
    ) -> None:
        self._secret = secret
        self._client = client
        self._tls = tls
        self._clock = clock
        self._served: KeyPair | None = None
        self._said = ""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            for _ in range(_STEPS):
                if not await self.look():
                    break
            await asyncio.sleep(SOON if self._served is None else EVERY)

    async def look(self) -> bool:
        """Do what is due next, if anything; whether there may be more to do at once."""
        try:
            again = await self._look()
        except Conflict:
            # Another replica was first: see what it has done.
            return True
        except (KubeError, _BadSecretError, UsageError, ValueError) as error:
            self._complain(f"{error}{_remedy(error, self._secret)}")
            return False
        self._said = ""
        return again

    async def _look(self) -> bool:
        service = await self._client.read(get_of(_API_SERVICES, "", _API_SERVICE), _SERVICE)
        names = _names(service)
        version, material = await self._read()
        now = self._clock.now()
        kept = None if material is None else material.kept()
        if material is not None and kept is not None and kept.leaf.issuer:
            self._serve(material.leaf)
        step = next_step(kept, authorities.identities(service.spec.ca_bundle), names, now)
        if step == "nothing":
            return False
        if step == "publish":
            assert material is not None, "there is nothing to publish otherwise"
            await self._publish(material.bundle)
            # Certificates of a new authority wait until API servers have heard of it.
            return False
        await self._write(version, _done(step, material, names, now))
        _log.info("serving certificates", done=step, secret=self._secret.name)
        return True

    def _serve(self, pair: KeyPair) -> None:
        if pair != self._served:
            self._tls.adopt(pair)
            self._served = pair

    async def _read(self) -> tuple[str, Material | None]:
        """Resource version ("" where there is no Secret) and content, if it has any."""
        request = get_of(_SECRETS, self._secret.namespace, self._secret.name)
        try:
            found = await self._client.read(request, _SECRET)
        except NotFound:
            return "", None
        data = found.data or {}
        if not any(data.get(key) for key in _KEYS):
            return found.metadata.resource_version, None
        missing = [key for key in _KEYS if not data.get(key)]
        if missing:
            raise _BadSecretError(f"it has no {missing[0]}")
        bundle, authority_key, certificate, key = (data[key] for key in _KEYS)
        return found.metadata.resource_version, Material(
            bundle, authority_key, KeyPair(certificate, key)
        )

    async def _write(self, version: str, material: Material) -> None:
        """Make the Secret, or change that of this version; raises Conflict if it has moved on."""
        parts = (material.bundle, material.authority_key, material.leaf.certificate)
        data = dict(zip(_KEYS, (*parts, material.leaf.key), strict=True))
        namespace, name = self._secret.namespace, self._secret.name
        if version:
            # A patch, because type and labels of a Secret that others prepared are theirs.
            body = {"metadata": {"resourceVersion": version}, "data": data}
            encoded = msgspec.json.encode(body)
            request = patch_of(_SECRETS, namespace, name, encoded, Patch.MERGE)
        else:
            labels = {"app.kubernetes.io/managed-by": "wpa-adapter"}
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/tls",
                "metadata": {"namespace": namespace, "name": name, "labels": labels},
                "data": data,
            }
            request = create_of(_SECRETS, namespace, msgspec.json.encode(body))
        await self._client.read(request, _ANYTHING)

    async def _publish(self, bundle: bytes) -> None:
        # The two exclude each other.
        spec = {"caBundle": bundle, "insecureSkipTLSVerify": False}
        patch = msgspec.json.encode({"spec": spec})
        await self._client.read(
            patch_of(_API_SERVICES, "", _API_SERVICE, patch, Patch.MERGE), _ANYTHING
        )
        _log.info("serving certificates", done="publish", api_service=_API_SERVICE)

    def _complain(self, problem: str) -> None:
        """Once for as long as it stays the same."""
        if problem != self._said:
            self._said = problem
            _log.error("serving certificates cannot be managed", error=problem)


def _names(service: _ApiService) -> frozenset[str]:
    """By what the API server calls us. Raises UsageError."""
    target = service.spec.service
    if target is None or not target.name or not target.namespace:
        raise UsageError(f"APIService {_API_SERVICE} names no Service; point it at the adapter's")
    host = f"{target.name}.{target.namespace}"
    return frozenset((f"{host}.svc", host, "localhost"))


def _done(step: Step, material: Material | None, names: frozenset[str], now: int) -> Material:
    """The Secret's content after `step`. Raises ValueError."""
    if step == "create" or material is None:
        return authorities.created(names, now)
    match step:
        case "add authority":
            return authorities.with_authority(material, now)
        case "issue":
            return authorities.with_leaf(material, names, now)
        case _:
            return authorities.without_expired(material, now)


def _remedy(error: Exception, secret: SecretName) -> str:
    match error:
        case Forbidden():
            return "; apply manifests/components/managed-certificates"
        case NotFound():
            return f"; there has to be an APIService {_API_SERVICE} that names the Service"
        case _BadSecretError() | ValueError():
            return (
                f": Secret {secret.namespace}/{secret.name} is not one of ours; delete it and "
                "it is made anew"
            )
        case _:
            return ""
