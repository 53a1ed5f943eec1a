"""Who may act: the only scaler there is, the holder of the one Lease, or the holder of a shard."""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Final, Protocol

from msgspec import Struct

from kube.client.configuration import pods_namespace
from kube.client.errors import KubeError
from kube.client.events import ObjectReference
from kube.client.leases import LeaderElection
from kube.client.register import Register
from kube.client.transport import ApiClient
from kube.vocab.times import Clock, Millis
from scaler.core.sharding import member_of, shard_of

LEASE: Final = "watermarkpodautoscaler-lock"
"""Name of the Lease, as upstream's: the two never act side by side."""
MOST_SHARDS: Final = 64
"""Each shard costs its holder one write every two seconds."""

Concerned = Callable[[str], bool]
"""Tells by its uid whether an object is concerned."""


class Leadership(Protocol):
    """The right to act on objects, by their uid."""

    @property
    def writes(self) -> int:
        """Lease writes so far."""
        ...

    @property
    def shards(self) -> int:
        """How many shards we hold right now."""
        ...

    @property
    def leases(self) -> tuple[ObjectReference, ...]:
        """The Leases by which we lead right now, for events about ourselves."""
        ...

    def held(self, uid: str) -> bool:
        """Whether we may write right now: the fence to ask before every write."""
        ...

    def last_looks(self, uid: str) -> Millis | None:
        """Until when somebody before us is known to have looked at everything, period by period.

        None where nobody knows, as after a holder that lived too short a time to begin with it.
        """
        ...

    async def run(self) -> None:
        """Take part until cancelled."""
        ...

    async def release(self) -> None:
        """Let go of what is held, so that nobody has to wait. `run` has to be cancelled before."""
        ...


class Sole(Struct, frozen=True):
    """The leadership of the only scaler there is."""

    writes: int = 0
    shards: int = 1
    leases: tuple[ObjectReference, ...] = ()

    def held(self, _: str) -> bool:
        """Always."""
        return True

    def last_looks(self, _: str) -> Millis | None:
        """Nobody was before us, as far as we know."""
        return None

    async def run(self) -> None:
        """There is nothing to do."""

    async def release(self) -> None:
        """There is nothing to let go of."""


class Single:
    """One Lease for all objects: one scaler acts, the others wait."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        identity: str,
        clock: Clock,
        *,
        period: Millis,
        on_change: Callable[[str, bool, Concerned], None],
        on_error: Callable[[KubeError], None],
        random: Random | None = None,
    ) -> None:
        """`period` is the time in which each object has its turn once.

        `on_change` hears of a lease's name, whether we hold it now, and whom that concerns.
        """
        self._round = 2 * period
        self._election = LeaderElection(
            client,
            namespace,
            LEASE,
            identity,
            clock,
            on_change=lambda leading: on_change(LEASE, leading, lambda _: True),
            on_error=on_error,
            random=random,
        )

    @property
    def writes(self) -> int:
        """Lease writes so far."""
        return self._election.writes

    @property
    def shards(self) -> int:
        """One while we lead."""
        return int(self._election.held())

    @property
    def leases(self) -> tuple[ObjectReference, ...]:
        """The one Lease, while we hold it."""
        return _held([self._election])

    def held(self, _: str) -> bool:
        """Whether we lead."""
        return self._election.held()

    def last_looks(self, _: str) -> Millis | None:
        """Until when the leader before us looked."""
        return _last_looks(self._election, self._round)

    async def run(self) -> None:
        """Take part until cancelled."""
        await self._election.run()

    async def release(self) -> None:
        """Let go of the lease."""
        await self._election.release()


class Shards:
    """A Lease for each of `count` shards, spread over all scalers that take part.

    The unsharded Lease is held by all of them together, under a name that holds their count: a
    scaler without shards, upstream's, or one with another count never act beside them.
    """

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        identity: str,
        clock: Clock,
        *,
        count: int,
        period: Millis,
        on_change: Callable[[str, bool, Concerned], None],
        on_error: Callable[[KubeError], None],
        random: Random | None = None,
    ) -> None:
        """`period` and `on_change` as in `Single`."""
        self._count = count
        self._round = 2 * period
        self._register = Register(
            client,
            namespace,
            LEASE,
            party=f"shards-of-{count}",
            identity=identity,
            clock=clock,
            on_change=self._members_changed,
            on_error=on_error,
            random=random,
        )
        self._elections = [
            LeaderElection(
                client,
                namespace,
                lease_of(shard),
                self._register.member,
                clock,
                on_change=partial(self._changed, on_change, shard),
                on_error=on_error,
                wanted=partial(self._wanted, shard),
                gone=self._register.gone,
                hasty=False,
                random=random,
            )
            for shard in range(count)
        ]

    @property
    def writes(self) -> int:
        """Lease writes so far."""
        return self._register.writes + sum(one.writes for one in self._elections)

    @property
    def shards(self) -> int:
        """How many shards we hold right now."""
        return sum(one.held() for one in self._elections) if self._register.held() else 0

    @property
    def leases(self) -> tuple[ObjectReference, ...]:
        """Those of the shards we hold."""
        return _held(self._elections) if self._register.held() else ()

    def held(self, uid: str) -> bool:
        """Whether the object's shard is ours."""
        return self._register.held() and self._election(uid).held()

    def last_looks(self, uid: str) -> Millis | None:
        """Until when the shard's holder before us looked."""
        return _last_looks(self._election(uid), self._round)

    async def run(self) -> None:
        """Take part until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._register.run())
            for one in self._elections:
                group.create_task(one.run())

    async def release(self) -> None:
        """Let go of every shard, then of our place in the register."""
        await asyncio.gather(*(one.release() for one in self._elections))
        await self._register.leave()

    def _election(self, uid: str) -> LeaderElection:
        return self._elections[shard_of(uid, self._count)]

    def _wanted(self, shard: int) -> bool:
        register = self._register
        return register.held() and member_of(shard, register.members) == register.member

    def _members_changed(self) -> None:
        for one in self._elections:
            one.rename(self._register.member)

    def _changed(
        self, tell: Callable[[str, bool, Concerned], None], shard: int, leading: bool
    ) -> None:
        tell(lease_of(shard), leading, lambda uid: shard_of(uid, self._count) == shard)


def _held(elections: Iterable[LeaderElection]) -> tuple[ObjectReference, ...]:
    leases = [one.written for one in elections if one.held() and one.written is not None]
    return tuple(
        ObjectReference(
            lease.api_version,
            lease.kind,
            lease.metadata.namespace,
            lease.metadata.name,
            lease.metadata.uid,
        )
        for lease in leases
    )


def _last_looks(election: LeaderElection, needed: Millis) -> Millis | None:
    """Alive is not at work: who held for less than `needed` may have ended before its first turn,
    and a row of such holders must not hide how long nobody looked (D15).
    """
    return election.previous_renewal if election.previous_tenure >= needed else None


def lease_of(shard: int) -> str:
    """Name of a shard's Lease."""
    return f"{LEASE}-{shard}"


def own_namespace() -> str:
    """The namespace of our pod, `default` outside of one."""
    return os.environ.get("POD_NAMESPACE", "").strip() or pods_namespace() or "default"


def identity() -> str:
    """A name that no other process ever had: host and a random part."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"
