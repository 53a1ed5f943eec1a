"""Leadership by a Lease: at most one holder acts (python-stack §3.8, wpa-behaviour §21).

    waiting ──the lease is free or ran out──> leading ──not renewed in time, or taken──> waiting

How old somebody else's renewal is gets judged by our own monotonic clock since we first saw it, so
that clocks of two machines never decide. The holder stops acting `RENEW_WITHIN` seconds after its
last successful renewal, before anybody else may take the lease. On exit the lease is released.

A holder that dies is followed within `DURATION` plus two `RETRY`: its last renewal is seen one
retry late, and the lease is tried for one retry late. Pauses are a little shorter at random, and so
is the moment before the first attempt: many who start together must not go on in step.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec import Struct

from kube.client.errors import Conflict, KubeError
from kube.client.lease_objects import Lease, LeaseObject
from kube.client.transport import ApiClient
from kube.vocab.times import Clock, Millis

DURATION: Final = 10
"""Seconds without renewal after which others may take the lease."""
RENEW_WITHIN: Final = 8.0
"""Seconds after the last renewal at which the holder stops acting."""
LONGEST: Final = 300
"""Seconds that are believed of another holder's lease: more is an edit, or nobody is served."""
RETRY: Final = 2.0
"""Most seconds between two attempts, also between two renewals."""
SHORTER: Final = 0.2
"""By how much of it at most such a pause is shortened."""
ATTEMPT: Final = 3.5
"""Seconds one attempt may take: one that hangs leaves time for another before we have to stop."""

_ABSENT: Final = ""
"""The version of a lease that is not there."""


class Seen(Struct, frozen=True):
    """A version of the lease, and when we first saw it by our own clock."""

    version: str
    at: float


class Sightings:
    """For how long, by our own clock, a lease has been as it is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: Seen | None = None

    def unchanged(self, lease: Lease | None) -> float:
        """Seconds since we first saw that version of the lease, or that it was missing."""
        version = lease.metadata.resource_version if lease is not None else _ABSENT
        now = self._clock.monotonic()
        if self._seen is None or self._seen.version != version:
            self._seen = Seen(version, now)
        return now - self._seen.at

    def ran_out(self, lease: Lease) -> bool:
        """Whether nobody renewed that version of the lease for as long as it lasts.

        People edit leases while the holder acts on: one that was not let go of lasts as long as
        ours do at least, whatever it says, also where no holder is named.
        """
        unchanged, lasts = self.unchanged(lease), lease.spec.lease_duration_seconds
        return lease.spec.released or unchanged >= min(max(DURATION, lasts), LONGEST)

    def nobodys(self, *, hasty: bool = True) -> bool:
        """Whether a lease that is missing may be made by who does not hold it.

        It was never seen at all, which is enough for the `hasty`; or it has been away so long that
        no holder may still believe in it (V-09).
        """
        return (hasty and self._seen is None) or self.unchanged(None) >= DURATION


def always() -> bool:
    """The wish of who always wants to lead."""
    return True


def never(_: str) -> bool:
    """The knowledge of who cannot tell that a holder is gone."""
    return False


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
        wanted: Callable[[], bool] = always,
        gone: Callable[[str], bool] = never,
        hasty: bool = True,
        random: Random | None = None,
    ) -> None:
        """`on_change` hears of leadership won and lost; `on_error` of what fails on the way.

        While not `wanted` the lease is let go of and left alone. A holder that is known to be
        `gone`, and to have stopped acting, need not be waited for. A lease that we never saw is
        made at once if `hasty`; otherwise it has to be missing for its duration first.
        """
        self.previous_renewal: Millis | None = None
        """When the holder before us was last known to be alive, by its own word."""
        self.previous_tenure: Millis = 0
        """For how long it had held the lease until then, 0 where that is not known."""
        self.transitions = 0
        self.written: Lease | None = None
        """The lease as it was when we held it last."""
        self._object = LeaseObject(client, namespace, name, clock)
        self._identity = identity
        self._clock = clock
        self._on_change = on_change
        self._on_error = on_error
        self._wanted = wanted
        self._gone = gone
        self._hasty = hasty
        self._random = random or Random()
        self._sightings = Sightings(clock)
        self._lease: Lease | None = None
        self._renewed: float | None = None
        self._leading = False
        self._yielding = False

    @property
    def writes(self) -> int:
        """Times the lease was made, taken, renewed or let go of."""
        return self._object.writes

    def held(self) -> bool:
        """Whether we may act right now: the fence to ask before every write."""
        return self._renewed is not None and self._clock.monotonic() - self._renewed < RENEW_WITHIN

    async def run(self) -> None:
        """Acquire, renew and acquire again until cancelled."""
        await asyncio.sleep(RETRY * self._random.uniform(0, SHORTER))
        while True:
            await (self._attempt() if self._wanted() else self._yield())
            self._tell()
            await asyncio.sleep(RETRY * self._random.uniform(1 - SHORTER, 1))

    async def release(self) -> None:
        """Let go of a lease that is held, so that the next holder need not wait.

        `run` has to be cancelled before.
        """
        held = self.held() or self._yielding
        self._renewed = None
        self._tell()
        if held:
            await self._let_go()

    def rename(self, identity: str) -> None:
        """Go by this name. If it is another one than before, stop acting at once."""
        if identity == self._identity:
            return
        self._identity = identity
        self._renewed = None
        self._lease = None
        self._tell()

    async def _yield(self) -> None:
        """Stop acting first; let go one turn later, when what was under way has arrived."""
        if self._renewed is not None:
            self._renewed = None
            self._yielding = True
        elif self._yielding:
            self._yielding = False
            await self._let_go()

    async def _let_go(self) -> None:
        """Free the lease; where that fails, it runs out by itself."""
        try:
            async with asyncio.timeout(ATTEMPT / 4):
                await self._free()
        except (KubeError, TimeoutError):
            return
        finally:
            self._lease = None

    async def _free(self) -> None:
        """Also where a renewal of ours was broken off: it may have been done."""
        if self._lease is not None:
            try:
                await self._object.put(self._lease, holder="", duration=1)
            except Conflict:
                pass
            else:
                return
        lease = await self._object.read()
        if lease is not None and lease.spec.holder_identity == self._identity:
            await self._object.put(lease, holder="", duration=1)

    async def _attempt(self) -> None:
        self._yielding = False
        started, name = self._clock.monotonic(), self._identity
        try:
            async with asyncio.timeout(ATTEMPT):
                held = await self._hold()
            if name != self._identity:
                # What was held is held under a name that we gave up meanwhile.
                self._lease = None
            elif held:
                self._renewed = started
                self.written = self._lease
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
        lease = self._lease or await self._object.read()
        if lease is None:
            return await self._make()
        ran_out = self._sightings.ran_out(lease)
        if not self.held():
            self.previous_renewal = lease.spec.renewed_at
            self.previous_tenure = lease.spec.held_for
        holder = lease.spec.holder_identity
        if holder == self._identity or (not holder and self.held()):
            self._lease = await self._object.put(lease, holder=self._identity, duration=DURATION)
            return True
        self._renewed = None
        if not ran_out and not self._gone(holder):
            return False
        self._lease = await self._object.put(
            lease, holder=self._identity, duration=DURATION, taken=True
        )
        self.transitions += 1
        return True

    async def _make(self) -> bool:
        """Make a lease that is missing, if it is ours or nobody's."""
        if not self.held() and not self._sightings.nobodys(hasty=self._hasty):
            return False
        self._lease = await self._object.create(self._identity, DURATION)
        return True

    def _tell(self) -> None:
        if self.held() != self._leading:
            self._leading = not self._leading
            self._on_change(self._leading)
