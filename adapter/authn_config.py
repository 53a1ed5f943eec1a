"""Where the trust in client certificates comes from, kept fresh.

The cluster publishes it in a ConfigMap; flags may name files instead, part by part
(external-metrics-api §9.1).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from adapter.core.trust import Headers, PeerVerifier, Trust, TrustError, overridden, trust_of
from adapter.files import follow
from adapter.metrics import AdapterMetrics
from kube.client.errors import (
    Forbidden,
    KubeError,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from kube.client.items import Key, Undecodable
from kube.client.reflector import Reflector
from kube.client.requests import Resource, get_of, list_of
from kube.client.transport import ApiClient
from kube.service.complaints import Complaints
from kube.service.logs import get_logger
from kube.service.runtime import UsageError
from kube.vocab.objects import ObjectMeta, Wire

_log = get_logger("authn")

NAMESPACE: Final = "kube-system"
NAME: Final = "extension-apiserver-authentication"
_FIRST_LOOK: Final = 5.0
"""Seconds that a start waits for an API server that does not answer."""
_CONFIG_MAPS: Final = Resource("", "v1", "configmaps")


class ConfigMap(Wire, frozen=True):
    """A ConfigMap, as far as it matters here."""

    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str] | None = None


_DECODER: Final = msgspec.json.Decoder(ConfigMap)


class TrustFiles(Struct, frozen=True):
    """What flags say about trust; "" and empty tuples where they say nothing."""

    client_ca_file: str = ""
    proxy_ca_file: str = ""
    allowed_names: tuple[str, ...] = ()
    headers: Headers = Headers()

    @property
    def names(self) -> tuple[str, ...]:
        """The files that exist in it."""
        return tuple(filter(None, (self.client_ca_file, self.proxy_ca_file)))

    def read(self) -> Trust:
        """The trust that the files spell out. Raises TrustError."""
        return Trust(
            proxy_bundle=_read(self.proxy_ca_file, "--requestheader-client-ca-file"),
            client_bundle=_read(self.client_ca_file, "--client-ca-file"),
            allowed_names=self.allowed_names,
            headers=self.headers,
        )


class TrustSource:
    """The trust in force. `changed` is called with each new one, after it was verified usable."""

    def __init__(
        self, files: TrustFiles, metrics: AdapterMetrics, changed: Callable[[Trust], None]
    ) -> None:
        """Raises UsageError for files that cannot be used."""
        self._files = files
        self._metrics = metrics
        self._changed = changed
        self._published = Trust()
        try:
            self._from_files = files.read()
            self.verifier = PeerVerifier(self._from_files)
        except TrustError as error:
            raise UsageError(str(error)) from error
        self._metrics.trust_ok.set(1)
        changed(self.verifier.trust)

    async def read_cluster(self, client: ApiClient, *, tolerant: bool = False) -> None:
        """Read the ConfigMap once, so that a program that starts knows whether it will work.

        An API server that cannot be reached, or has trouble of its own, is no reason not to start:
        who follows the ConfigMap goes on asking. Raises UsageError for what somebody has to change,
        naming it, unless `tolerant`.
        """
        try:
            async with asyncio.timeout(_FIRST_LOOK):
                found = await client.read(get_of(_CONFIG_MAPS, NAMESPACE, NAME), _DECODER)
            self._published = trust_of(found.data or {})
            self._apply()
            return
        except TimeoutError:
            problem, passing = f"no answer within {_FIRST_LOOK:g} s", True
        except KubeError as error:
            problem = f"{error}{_remedy(error)}"
            passing = isinstance(error, Unreachable | ServerError | TooManyRequests)
            if isinstance(error, Unreachable) and error.trouble == "tls":
                passing = False
        except TrustError as error:
            problem, passing = str(error), False
        problem = f"ConfigMap {NAMESPACE}/{NAME}: {problem}"
        if not (passing or tolerant):
            raise UsageError(problem)
        self._metrics.trust_ok.set(0)
        _log.warning("the trust of the cluster is not known yet; asking on", error=problem)

    async def follow_cluster(self, client: ApiClient) -> None:
        """Follow the ConfigMap until cancelled."""
        request = list_of(_CONFIG_MAPS, NAMESPACE, field_selector=f"metadata.name={NAME}")

        def failed(error: Exception) -> None:
            _log.warning("cannot follow the trust of the cluster", error=str(error))

        complaints = Complaints(failed, asyncio.get_running_loop().time)
        await Reflector(client, request, _DECODER, self, on_error=complaints).run()

    async def follow_files(self) -> None:
        """Follow the files named by flags until cancelled."""
        await follow(self._files.names, self._reread)

    def on_added(self, key: Key, item: ConfigMap | Undecodable) -> None:
        """The ConfigMap is there (a reflector's call)."""
        self.on_changed(key, item)

    def on_changed(self, key: Key, item: ConfigMap | Undecodable) -> None:
        """The ConfigMap has another content; one that cannot be used leaves the old trust."""
        if key[1] != NAME:
            return
        try:
            if isinstance(item, Undecodable):
                raise TrustError(item.error)
            self._published = trust_of(item.data or {})
            self._apply()
        except TrustError as error:
            self._refused(error)

    def on_deleted(self, key: Key) -> None:
        """The ConfigMap is gone: the last trust stays, as the API server's own does."""
        _log.warning("the trust of the cluster was deleted; the last one stays", object=key[1])

    def on_synced(self) -> None:
        """A list is complete; there is nothing to do beyond its items."""

    def _reread(self) -> None:
        try:
            self._from_files = self._files.read()
            self._apply()
        except TrustError as error:
            self._refused(error)

    def _apply(self) -> None:
        trust = overridden(self._published, self._from_files)
        if trust == self.verifier.trust:
            self._metrics.trust_ok.set(1)
            return
        self.verifier = PeerVerifier(trust)
        self._metrics.trust_ok.set(1)
        self._changed(trust)
        _log.info("trust in client certificates changed")

    def _refused(self, error: TrustError) -> None:
        self._metrics.trust_ok.set(0)
        _log.error("new trust cannot be used; the old one stays", error=str(error))


def _remedy(error: KubeError) -> str:
    """What the error itself cannot know; of refused tokens and certificates it says enough."""
    match error:
        case Forbidden():
            return f"; bind the role {NAME}-reader of {NAMESPACE} to this account"
        case NotFound():
            return (
                "; a cluster without it has no aggregation layer: give "
                "--authentication-skip-lookup with --requestheader-client-ca-file"
            )
        case Unreachable(trouble="dns" | "connect" | "reset" | "timeout"):
            return "; make the API server reachable"
        case _:
            return ""


def _read(name: str, flag: str) -> str:
    if not name:
        return ""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrustError(f"{flag}: {name} cannot be read ({error}); name a PEM file") from error
