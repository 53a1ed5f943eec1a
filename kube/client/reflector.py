"""Keeps a sink equal to a collection on the server: list, then watch, and list again when needed.

    listing ──complete──> watching ──connection ends──> watching (from the last version)
       ^                     │
       └──── waiting <───────┘  versions expired or too large, a silent watch, errors, on demand

It never ends by itself: every error is counted and the work goes on after a pause that grows with
jitter. Where nothing asks for a pause there is a random moment, since others may ask for the same
reason: a start of all, a restart of the server. The version to go on from is the last one the
server sent, smaller or not (V-02, V-03).

One thing no watch can notice: a storage that lost versions and had overtaken ours again before we
reconnected. Who can check the outcome asks for `relist` (D36).
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from random import Random
from typing import Final, Generic, TypeVar

from kube.client.errors import ApiError, BadAnswer, Gone, NotFound, TooLargeResourceVersion
from kube.client.items import KubeObject, decode_item, identity_of, key_of
from kube.client.lister import Lister
from kube.client.lists import PAGE
from kube.client.mirror import Mirror, Sink
from kube.client.pacing import Backoff
from kube.client.reflector_stats import Reason, ReflectorStats
from kube.client.requests import Request
from kube.client.transport import ApiClient, Decoder
from kube.client.watches import Event, Silent, watch
from kube.vocab.times import Clock, SystemClock

T = TypeVar("T", bound=KubeObject)

STALLED_AFTER: Final = 150.0
"""Seconds without a line, over all connections, after which the watch is not believed (V-04)."""
PAUSE: Final = (0.5, 10.0)
"""Seconds of the smallest and the longest pause (V-11)."""
SPREAD: Final = 1.0
"""Seconds within which those who ask for the same reason ask one after another."""
SETTLED: Final = 30.0
"""Seconds after which a connection counts as one that worked, whatever it carried."""
TRIES: Final = 3
"""Refused watches in a row after which the version itself is suspected."""
_TRUSTING: Final[frozenset[Reason]] = frozenset({"start", "expired"})
"""Reasons that cast no doubt on what the server's watches say (V-02)."""
_AT_ONCE: Final[frozenset[Reason]] = frozenset({"expired", "too_large", "stalled"})


class Reflector(Generic[T]):
    """Mirrors the collection that the LIST `request` names into `sink`."""

    def __init__(
        self,
        client: ApiClient,
        request: Request,
        decoder: Decoder[T],
        sink: Sink[T],
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        limit: int = PAGE,
        stalled_after: float = STALLED_AFTER,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """`on_error` hears each error once, for the log; it must not raise."""
        self.stats = ReflectorStats()
        self._client = client
        self._request = request
        self._decoder = decoder
        self._mirror: Mirror[T] = Mirror(sink, self._sink_failed)
        self._clock = clock or SystemClock()
        self._random = random or Random()
        self._backoff = Backoff(*PAUSE, self._random)
        self._lister = Lister(
            client, request, decoder, self._mirror,
            limit=limit, random=self._random, on_error=self._count,
        )  # fmt: skip
        self._stalled_after = stalled_after
        self._on_error = on_error
        self._heard = self._clock.monotonic()
        self._refused = 0
        self._may_rush = True
        self._demanded = False
        self._interrupt: asyncio.Timeout | None = None

    def __len__(self) -> int:
        return len(self._mirror)

    @property
    def undecodable(self) -> int:
        """Objects that are there and do not fit the decoder's type."""
        return self._mirror.undecodable

    def relist(self) -> None:
        """Distrust the watch: list as soon as possible. `stats.lists` tells when it is in (D36)."""
        if self._demanded:
            return
        self._demanded = True
        if self._interrupt is not None:
            self._interrupt.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Work until cancelled."""
        reason: Reason | None = "start"
        try:
            await self._spread()
            while True:
                reason = await self._step(reason)
        finally:
            self.stats.state = "stopped"

    async def _step(self, reason: Reason | None) -> Reason | None:
        """One list (for `reason`) or one watch; returns what to list for next, None to watch."""
        try:
            if reason is not None:
                await self._list(reason)
                return None
            again = await self._watch()
            self.stats.watch_restarts += 1
        except Exception as error:  # noqa: BLE001  # counted; a reflector must outlive them all
            self._count(error)
            if reason is not None:
                await self._wait(error)
                return reason
            again = self._consequence(error)
            if again in _AT_ONCE and self._may_rush:
                # A server that answers so each time must not see us spin.
                self._may_rush = False
                await self._spread()
            else:
                await self._wait(error)
        if again is not None:
            self.stats.count_relist(again)
        return again

    async def _list(self, reason: Reason) -> None:
        self.stats.state = "listing"
        self._demanded = False
        self.stats.version = await self._lister.fill(trusting=reason in _TRUSTING)
        self.stats.lists += 1
        self.stats.streamed = self._lister.streamed
        self._refused = 0
        self._hear()

    async def _watch(self) -> Reason | None:
        """One connection, to its end. Raises what ends it otherwise."""
        self.stats.state = "watching"
        opened, heard_before = self._clock.monotonic(), self._heard
        try:
            async with asyncio.timeout(0 if self._demanded else None) as self._interrupt:
                await self._follow(self._stalled_after - (opened - heard_before))
        except TimeoutError:
            if not self._demanded:
                raise
            return "demanded"
        finally:
            self._interrupt = None
        now = self._clock.monotonic()
        if now - self._heard >= self._stalled_after:
            return "stalled"
        if now - opened >= SETTLED:
            self._works()
            await self._spread()
        elif self._heard == heard_before:
            await self._wait(None)
        return None

    async def _follow(self, inactivity: float) -> None:
        events = watch(
            self._client,
            self._request,
            self.stats.version,
            inactivity=max(1.0, inactivity),
            random=self._random,
        )
        async with aclosing(events):
            async for event in events:
                self._apply(event)
                self._hear()
                self._works()

    def _apply(self, event: Event) -> None:
        if event.type == "BOOKMARK":
            version = identity_of(event.object).resource_version
        else:
            item = decode_item(event.object, self._decoder)
            version = item.metadata.resource_version
            if not item.metadata.name:
                raise BadAnswer(self._request.title, f"a {event.type} event without a name")
            match event.type:
                case "ADDED" | "MODIFIED":
                    self._mirror.put(item)
                case "DELETED":
                    self._mirror.drop(key_of(item))
                case _:
                    raise BadAnswer(self._request.title, f"unknown event type {event.type!r}")
        if version:
            self.stats.version = version

    def _consequence(self, error: Exception) -> Reason | None:
        """Why to list after a watch ended with `error`; None to watch again from where we were."""
        self._refused += 1
        match error:
            case Gone():
                return "expired"
            case TooLargeResourceVersion():
                return "too_large"
            case Silent():
                return "stalled"
            case NotFound() | BadAnswer():
                return "error"
            case ApiError() if self._refused >= TRIES:
                return "error"
            case _:
                return None

    async def _wait(self, error: Exception | None) -> None:
        self.stats.state = "waiting"
        pause = self._backoff.next()
        if isinstance(error, ApiError) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, PAUSE[1]))
        await asyncio.sleep(pause)

    async def _spread(self) -> None:
        await asyncio.sleep(self._random.uniform(0, SPREAD))

    def _works(self) -> None:
        """The watch serves: trouble from now on is new trouble."""
        self._refused = 0
        self._may_rush = True
        self._backoff.reset()

    def _hear(self) -> None:
        self._heard = self._clock.monotonic()
        self.stats.heard_at = self._clock.now()

    def _count(self, error: Exception) -> None:
        self.stats.count_error(error)
        if self._on_error is not None:
            self._on_error(error)

    def _sink_failed(self, error: Exception) -> None:
        self.stats.sink_errors += 1
        self._count(error)
