"""Who takes part: one Lease that several processes hold together, each with a heartbeat in it.

The Lease is held in the name of the whole party, so that whoever else wants it alone (another
version of the program, or a party of another size) waits as long as one member is alive. Each
member's heartbeat is an entry of an annotation.

Whether somebody is alive gets judged by our own monotonic clock, from one look at the Lease to the
next: a heartbeat that did not change for `DURATION` is a member's that is gone. A member whose own
heartbeat did not get through for `RENEW_WITHIN` has stopped acting before that, and never acts
again under that name: it comes back under another one. So `gone` is final.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import msgspec

from kube.client.errors import Conflict, KubeError
from kube.client.lease_objects import Lease, LeaseObject
from kube.client.leases import ATTEMPT, DURATION, RENEW_WITHIN, RETRY, SHORTER, Sightings
from kube.client.transport import ApiClient
from kube.vocab.times import Clock, format_micro

ANNOTATION: Final = "watermark-autoscaler/members"
"""A JSON object: each member's name and the time of its heartbeat by its own clock."""
_LEFT: Final = ""
"""In place of a heartbeat: of a member that ended in order."""
_MOST: Final = 100
"""More entries than any party has: an edited annotation must not grow without end."""

_TRIES: Final = 10
"""Heartbeats that members may come before ours with, in one attempt."""

_BEATS: Final = msgspec.json.Decoder(dict[str, str])


class Register:
    """Takes part for as long as `run` runs."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        lease: str,
        *,
        party: str,
        identity: str,
        clock: Clock,
        on_change: Callable[[], None],
        on_error: Callable[[KubeError], None],
        random: Random | None = None,
    ) -> None:
        """`party` is the holder's name in the Lease, `identity` begins each of our names in it.

        `on_change` hears whenever `member` or `members` are others than before.
        """
        self.member = f"{identity}/1"
        """Our name at present."""
        self.members: tuple[str, ...] = ()
        """Who is alive, in order; empty while we do not take part ourselves."""
        self._object = LeaseObject(client, namespace, lease, clock)
        self._party = party
        self._identity = identity
        self._names = 1
        self._former: deque[str] = deque(maxlen=_MOST)
        self._clock = clock
        self._on_change = on_change
        self._on_error = on_error
        self._random = random or Random()
        self._sightings = Sightings(clock)
        self._beats: dict[str, tuple[str, float]] = {}
        self._last_look = 0.0
        self._beaten: float | None = None

    @property
    def writes(self) -> int:
        """Times the lease was made, renewed or left."""
        return self._object.writes

    def held(self) -> bool:
        """Whether our heartbeat got through lately: without it we must not act."""
        return self._beaten is not None and not self._lapsed()

    def gone(self, member: str) -> bool:
        """Whether nobody acts under that name any more, as far as we saw.

        Of a name that we did not see we know nothing: it may have come after our last look.
        """
        if member in self._former:
            return True
        if member == self.member or member not in self._beats:
            return False
        return self._beats[member][0] == _LEFT or self._since(member) >= DURATION

    async def run(self) -> None:
        """Take part until cancelled."""
        await asyncio.sleep(RETRY * self._random.uniform(0, SHORTER))
        while True:
            await self._attempt()
            self._tell()
            await asyncio.sleep(RETRY * self._random.uniform(1 - SHORTER, 1))

    async def leave(self) -> None:
        """Say that we left, so that nobody waits for us. `run` has to be cancelled before."""
        left = self.member
        self._rename()
        self._tell()
        try:
            async with asyncio.timeout(ATTEMPT / 4):
                lease = await self._object.read()
                if lease is not None and lease.spec.holder_identity == self._party:
                    await self._write(lease, {**self._look(_beats_of(lease)), left: _LEFT})
        except (KubeError, TimeoutError):
            # The others notice by themselves.
            return

    def _lapsed(self) -> bool:
        return self._beaten is not None and self._clock.monotonic() - self._beaten >= RENEW_WITHIN

    def _rename(self) -> None:
        """Never act under the old name again."""
        self._former.append(self.member)
        self._names += 1
        self.member = f"{self._identity}/{self._names}"
        self._beaten = None
        self._on_change()

    async def _attempt(self) -> None:
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(ATTEMPT):
                for _ in range(_TRIES):
                    if await self._beat(started):
                        return
        except KubeError as error:
            self._on_error(error)
        except TimeoutError:
            return

    async def _beat(self, started: float) -> bool:
        """One heartbeat; False where it takes another one.

        Another member was quicker, or ours came too late to go on under our name.
        """
        if self._lapsed():
            self._rename()
        lease = await self._object.read()
        taken = lease is not None and self._is_taken(lease)
        lasts = lease is not None and not self._sightings.ran_out(lease)
        found = self._look(_beats_of(lease))
        try:
            if lease is None:
                if not self.held() and not self._sightings.nobodys():
                    return True
                await self._object.create(self._party, DURATION, _annotated({}, self._with(found)))
            elif taken and lasts:
                if self._beaten is not None:
                    self._rename()
                return True
            else:
                await self._write(lease, self._with(found))
        except Conflict:
            return False
        if self._lapsed():
            return False
        self._beaten = started
        return True

    def _is_taken(self, lease: Lease) -> bool:
        """Whether another party holds it, or may still: a lease without a holder that nobody let go
        of was edited, and is ours where we held it.
        """
        holder = lease.spec.holder_identity
        return holder != self._party and (holder != "" or not self.held())

    async def _write(self, lease: Lease, entries: Mapping[str, str]) -> None:
        anybody = any(beat != _LEFT for beat in entries.values())
        await self._object.put(
            lease,
            holder=self._party if anybody else "",
            duration=DURATION if anybody else 1,
            taken=lease.spec.holder_identity != self._party,
            annotations=_annotated(lease.metadata.annotations or {}, entries),
        )

    def _with(self, others: Mapping[str, str]) -> dict[str, str]:
        return {**others, self.member: format_micro(self._clock.now())}

    def _since(self, member: str) -> float:
        """Seconds from when we saw the member's last heartbeat first, to our last look."""
        return self._last_look - self._beats[member][1]

    def _look(self, found: Mapping[str, str]) -> dict[str, str]:
        """Take note of a look at the lease: which of the others' entries should stay in it.

        Of who left as long as of who died, so that everybody can see it.
        """
        now = self._last_look = self._clock.monotonic()
        for member, beat in found.items():
            if member not in self._beats or self._beats[member][0] != beat:
                self._beats[member] = beat, now
        return {
            member: beat
            for member, beat in found.items()
            if member != self.member and self._since(member) < DURATION
        }

    def _tell(self) -> None:
        # Whoever is gone for so long is no longer in the lease: as unknown as if it never was.
        for member in list(self._beats):
            if self._since(member) >= 2 * DURATION:
                del self._beats[member]
        alive = {member for member in self._beats if not self.gone(member)}
        members = tuple(sorted({*alive, self.member})) if self.held() else ()
        if members != self.members:
            self.members = members
            self._on_change()


def _beats_of(lease: Lease | None) -> dict[str, str]:
    """The heartbeats in a lease; none where there are none, or somebody wrote something else."""
    if lease is None:
        return {}
    try:
        found = _BEATS.decode((lease.metadata.annotations or {}).get(ANNOTATION, "{}"))
    except (msgspec.DecodeError, ValueError):
        return {}
    return dict(list(found.items())[:_MOST])


def _annotated(annotations: Mapping[str, str], entries: Mapping[str, str]) -> dict[str, str]:
    return {**annotations, ANNOTATION: msgspec.json.encode(entries).decode()}
