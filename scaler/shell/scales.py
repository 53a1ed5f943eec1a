"""The scale subresource of targets: read it, and write a count to it (wpa-behaviour §8, D24)."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from kube.client.discovery import Discovery
from kube.client.errors import Conflict, KubeError, Unreachable
from kube.client.requests import PARTIAL_OBJECT, Resource, get_of, update_of
from kube.client.transport import ApiClient
from kube.service.logs import get_logger
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Millis
from scaler.core.observed import Scale
from scaler.core.signature import ManagedObject, signed_at
from scaler.core.wire import TargetReference


class _ScaleSpec(Wire, frozen=True, omit_defaults=False):
    replicas: int = 0


class _ScaleStatus(Wire, frozen=True):
    replicas: int = 0
    selector: str = ""


class _WireScale(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    spec: _ScaleSpec = _ScaleSpec()
    status: _ScaleStatus = _ScaleStatus()


class _ScaleWrite(Wire, frozen=True, omit_defaults=False):
    """The whole object of a PUT."""

    metadata: ObjectMeta
    spec: _ScaleSpec
    api_version: Literal["autoscaling/v1"] = "autoscaling/v1"
    kind: Literal["Scale"] = "Scale"


class ScaleObject(Struct, frozen=True):
    """A scale as read: what decisions look at, and what a later write needs."""

    resource: Resource
    namespace: str
    name: str
    uid: str
    version: str
    scale: Scale


_SCALE: Final = msgspec.json.Decoder(_WireScale)
_MANAGED: Final = msgspec.json.Decoder(ManagedObject)
_log = get_logger("controllers.WatermarkPodAutoscaler")


class Scales:
    """Reads and writes scales through whatever resource serves the target's kind."""

    def __init__(self, client: ApiClient, discovery: Discovery) -> None:
        self._client = client
        self._discovery = discovery
        self._complained: set[tuple[Resource, str]] = set()

    async def read(self, namespace: str, target: TargetReference) -> ScaleObject:
        """The target's scale now. Raises KubeError."""
        mapping = await self._discovery.scalable(target.api_version, target.kind)
        return await self._get(mapping.resource, namespace, target.name)

    async def last_scaled(self, seen: ScaleObject, uid: str) -> Millis | None:
        """When the autoscaler with that uid decided on the count that the target has.

        None where somebody else set it, or where nobody can tell: no right to read the target
        itself, said once for each kind of it. Raises KubeError where asking again may help.
        """
        request = get_of(seen.resource, seen.namespace, seen.name, accept=PARTIAL_OBJECT)
        try:
            found = await self._client.read(request, _MANAGED)
        except KubeError as error:
            if error.retryable:
                raise
            self._complain(seen.resource, error)
            return None
        return signed_at(found.metadata.managed_fields or (), uid)

    async def write(self, seen: ScaleObject, replicas: int, signature: str) -> None:
        """Ask for `replicas` under that name, provided nobody changed the count since `seen`.

        A conflict is read again and tried once more if the count is still the same (any status
        update of a rollout conflicts). Raises CountChanged if it is not, and KubeError. Where the
        answer got lost the count itself tells: a change that was made has to start its windows.
        (HTTP clients repeat a PUT whose connection broke, so a conflict may be with ourselves.)
        """
        try:
            await self._put(seen, replicas, signature)
        except (Conflict, Unreachable) as error:
            fresh = await self._get(seen.resource, seen.namespace, seen.name)
            if fresh.uid == seen.uid and fresh.scale.spec_replicas == replicas:
                return
            if isinstance(error, Unreachable):
                raise
            if fresh.uid != seen.uid or fresh.scale.spec_replicas != seen.scale.spec_replicas:
                raise CountChanged(seen, fresh) from None
            await self._put(fresh, replicas, signature)

    async def _get(self, resource: Resource, namespace: str, name: str) -> ScaleObject:
        request = get_of(resource, namespace, name, subresource="scale")
        found = await self._client.read(request, _SCALE)
        scale = Scale(found.spec.replicas, found.status.replicas, found.status.selector)
        return ScaleObject(
            resource, namespace, name, found.metadata.uid, found.metadata.resource_version, scale
        )

    async def _put(self, seen: ScaleObject, replicas: int, signature: str) -> None:
        meta = ObjectMeta(
            name=seen.name, namespace=seen.namespace, uid=seen.uid, resource_version=seen.version
        )
        body = msgspec.json.encode(_ScaleWrite(metadata=meta, spec=_ScaleSpec(replicas)))
        request = update_of(seen.resource, seen.namespace, seen.name, body, subresource="scale")
        await self._client.send(request.with_query(fieldManager=signature))

    def _complain(self, resource: Resource, error: KubeError) -> None:
        trouble = (resource, type(error).__name__)
        if trouble not in self._complained:
            self._complained.add(trouble)
            text = (
                "Cannot read who scaled the target last, so a scaling whose status write got lost "
                "starts no forbidden window; the rights to scale include get on the target itself"
            )
            _log.warning(text, resource=resource.plural, error=str(error))


class CountChanged(KubeError):
    """Somebody else changed the count, or the object, between our reading and our writing."""

    def __init__(self, seen: ScaleObject, fresh: ScaleObject) -> None:
        title = f"{seen.namespace}/{seen.name}"
        super().__init__(
            f"the replica count of {title} was changed from {seen.scale.spec_replicas} to "
            f"{fresh.scale.spec_replicas} by someone else meanwhile"
            if fresh.uid == seen.uid
            else f"{title} was replaced by another object of its name meanwhile"
        )
