"""Leadership by a Lease: at most one holder acts (python-stack §3.8, wpa-behaviour §21).

    waiting ──the lease is free or ran out──> leading ──not renewed in time, or taken──> waiting

How old somebody else's renewal is gets judged by our own monotonic clock since we first saw it, so
that clocks of two machines never decide. The holder stops acting `RENEW_WITHIN` seconds after its
last successful renewal, before anybody else may take the lease. On exit the lease is released.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import Struct

from kube.client.errors import Conflict, KubeError, NotFound
from kube.client.requests import Resource, create_of, get_of, update_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire
from kube.vocab.times import Clock, Millis, format_micro, parse_rfc3339

DURATION: Final = 15
"""Seconds without renewal after which others may take the lease."""
RENEW_WITHIN: Final = 10.0
"""Seconds after the last renewal at which the holder stops acting."""
RETRY: Final = 2.0
"""Seconds between two attempts, also between two renewals."""
ATTEMPT: Final = 4.0
"""Seconds one attempt may take."""

LEASES: Final = Resource("coordination.k8s.io", "v1", "leases")


class _LeaseSpec(Wire, frozen=True):
    holder_identity: str = ""
    lease_duration_seconds: int = 0
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int = 0


class _Lease(Wire, frozen=True, omit_defaults=False):
    metadata: ObjectMeta = ObjectMeta()
    spec: _LeaseSpec = _LeaseSpec()
    api_version: Literal["coordination.k8s.io/v1"] = "coordination.k8s.io/v1"
    kind: Literal["Lease"] = "Lease"


_LEASE: Final = msgspec.json.Decoder(_Lease)


_ABSENT: Final = ""
"""The version of a lease that is not there."""


class Seen(Struct, frozen=True):
    """A version of the lease, and when we first saw it by our own clock."""

    version: str
    at: float


class LeaderElection:
    """Tries to hold one Lease, for as long as `run` runs."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        name: str,
        identity: str,
        clock: Clock,
        *,
        on_change: Callable[[bool], None],
        on_error: Callable[[KubeError], None],
    ) -> None:
        """`on_change` hears of leadership won and lost; `on_error` of what fails on the way."""
        self.previous_renewal: Millis | None = None
        """When the holder before us was last known to be alive, by its own word."""
        self.transitions = 0
        self.writes = 0
        """Times the lease was made, taken, renewed or let go of."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._on_change = on_change
        self._on_error = on_error
        self._lease: _Lease | None = None
        self._renewed: float | None = None
        self._seen: Seen | None = None
        self._leading = False

    def held(self) -> bool:
        """Whether we may act right now: the fence to ask before every write."""
        return self._renewed is not None and self._clock.monotonic() - self._renewed < RENEW_WITHIN

    async def run(self) -> None:
        """Acquire, renew and acquire again until cancelled."""
        while True:
            await self._attempt()
            self._tell()
            await asyncio.sleep(RETRY)

    async def release(self) -> None:
        """Let go of a lease that is held, so that the next holder need not wait.

        `run` has to be cancelled before.
        """
        held = self.held()
        self._renewed = None
        self._tell()
        if not held:
            return
        try:
            async with asyncio.timeout(ATTEMPT / 4):
                await self._let_go()
        except (KubeError, TimeoutError):
            # It runs out by itself.
            return

    async def _let_go(self) -> None:
        """Free the lease, also where a renewal of ours was broken off: it may have been done."""
        if self._lease is not None:
            try:
                await self._put(self._lease, holder="", duration=1)
            except Conflict:
                pass
            else:
                return
        lease = await self._read()
        if lease is not None and lease.spec.holder_identity == self._identity:
            await self._put(lease, holder="", duration=1)

    async def _attempt(self) -> None:
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(ATTEMPT):
                if await self._hold():
                    self._renewed = started
        except Conflict:
            # Somebody was quicker, or edited the lease: look again next time.
            self._lease = None
        except KubeError as error:
            self._lease = None
            self._on_error(error)
        except TimeoutError:
            self._lease = None

    async def _hold(self) -> bool:
        """Renew or take the lease; False while somebody else has it."""
        lease = self._lease or await self._read()
        if lease is None:
            return self._may_make() and await self._create()
        unrenewed = self._watched(lease.metadata.resource_version)
        if not self.held():
            self.previous_renewal = _moment(lease.spec.renew_time)
        if lease.spec.holder_identity == self._identity:
            self._lease = await self._put(lease, holder=self._identity, duration=DURATION)
            return True
        self._renewed = None
        if lease.spec.holder_identity and unrenewed < max(1, lease.spec.lease_duration_seconds):
            return False
        self._lease = await self._put(lease, holder=self._identity, duration=DURATION, taken=True)
        self.transitions += 1
        return True

    def _may_make(self) -> bool:
        """Ours that vanished, or the first one there ever was as far as we know. Otherwise a holder
        may still believe in the one that is gone: as long as that could be, we wait (V-09).
        """
        return self.held() or self._seen is None or self._watched(_ABSENT) >= DURATION

    def _watched(self, version: str) -> float:
        """Seconds since we first saw that version of the lease."""
        now = self._clock.monotonic()
        if self._seen is None or self._seen.version != version:
            self._seen = Seen(version, now)
        return now - self._seen.at

    async def _read(self) -> _Lease | None:
        try:
            request = get_of(LEASES, self._namespace, self._name)
            return await self._client.read(request, _LEASE)
        except NotFound:
            return None

    async def _create(self) -> bool:
        now = format_micro(self._clock.now())
        lease = _Lease(
            ObjectMeta(name=self._name, namespace=self._namespace),
            _LeaseSpec(self._identity, DURATION, now, now, 0),
        )
        request = create_of(LEASES, self._namespace, msgspec.json.encode(lease))
        self._lease = await self._client.read(request, _LEASE)
        self.writes += 1
        return True

    async def _put(
        self, lease: _Lease, *, holder: str, duration: int, taken: bool = False
    ) -> _Lease:
        now = format_micro(self._clock.now())
        spec = _LeaseSpec(
            holder,
            duration,
            now if taken else lease.spec.acquire_time,
            now,
            lease.spec.lease_transitions + taken,
        )
        body = msgspec.json.encode(_Lease(lease.metadata, spec))
        request = update_of(LEASES, self._namespace, self._name, body)
        written = await self._client.read(request, _LEASE)
        self.writes += 1
        return written

    def _tell(self) -> None:
        if self.held() != self._leading:
            self._leading = not self._leading
            self._on_change(self._leading)


def _moment(text: str | None) -> Millis | None:
    try:
        return parse_rfc3339(text) if text else None
    except ValueError:
        return None
