"""One Lease object on the server: reading, making and replacing it."""

from typing import Final, Literal

import msgspec

from kube.client.errors import NotFound
from kube.client.requests import Request, Resource, create_of, get_of, update_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Clock, Millis, format_micro, moment_of

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases")


class LeaseSpec(Wire, frozen=True):
    """Who holds it, for how long, since when."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int = 0

    @property
    def released(self) -> bool:
        """Whether its holder let go of it, in the form of Kubernetes' own clients."""
        return not self.holder_identity and self.lease_duration_seconds == 1

    @property
    def renewed_at(self) -> Millis | None:
        """When it was last renewed by the holder's word; None where that is no time."""
        return moment_of(self.renew_time)

    @property
    def held_for(self) -> Millis:
        """How long the holder had it, by its own word; 0 where that cannot be told."""
        taken, renewed = moment_of(self.acquire_time), self.renewed_at
        return 0 if taken is None or renewed is None else max(0, renewed - taken)


class Lease(Wire, frozen=True, omit_defaults=False):
    """`coordination.k8s.io/v1` Lease."""

    metadata: ObjectMeta = ObjectMeta()
    spec: LeaseSpec = LeaseSpec()
    api_version: Literal["coordination.k8s.io/v1"] = "coordination.k8s.io/v1"
    kind: Literal["Lease"] = "Lease"


_LEASE: Final = msgspec.json.Decoder(Lease)


class LeaseObject:
    """One Lease by name. Every method raises KubeError; writes raise Conflict when overtaken."""

    def __init__(self, client: ApiClient, namespace: str, name: str, clock: Clock) -> None:
        self.writes = 0
        """Times it was made or replaced."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._clock = clock

    async def read(self) -> Lease | None:
        """As it is now, None where there is none."""
        try:
            request = get_of(LEASES, self._namespace, self._name)
            return await self._client.read(request, _LEASE)
        except NotFound:
            return None

    async def create(
        self, holder: str, duration: int, annotations: dict[str, str] | None = None
    ) -> Lease:
        """Make it, held from now on."""
        now = format_micro(self._clock.now())
        meta = ObjectMeta(name=self._name, namespace=self._namespace, annotations=annotations or {})
        lease = Lease(meta, LeaseSpec(holder, duration, now, now, 0))
        return await self._write(create_of(LEASES, self._namespace, msgspec.json.encode(lease)))

    async def put(
        self,
        lease: Lease,
        *,
        holder: str,
        duration: int,
        taken: bool = False,
        annotations: dict[str, str] | None = None,
    ) -> Lease:
        """Replace the version `lease` by one that is renewed now; `taken` by a new holder.

        `annotations` take the place of those it has, where given.
        """
        now = format_micro(self._clock.now())
        spec = LeaseSpec(
            holder,
            duration,
            now if taken else lease.spec.acquire_time,
            now,
            lease.spec.lease_transitions + taken,
        )
        meta = lease.metadata
        if annotations is not None:
            meta = msgspec.structs.replace(meta, annotations=annotations)
        body = msgspec.json.encode(Lease(meta, spec))
        return await self._write(update_of(LEASES, self._namespace, self._name, body))

    async def _write(self, request: Request) -> Lease:
        written = await self._client.read(request, _LEASE)
        self.writes += 1
        return written
