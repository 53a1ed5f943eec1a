"""When each object is evaluated: every period, on a grid of its own phase (python-stack §5).

The phase comes from a stable hash of the object's uid, so that load is flat and a restart keeps it.
One heap and one loop for all objects; evaluations run as short tasks, never two of one object.

A bounded number of them works at a time. Who waits for something that hangs does not work: after
`PATIENCE` its place goes to the next one, and until it is quick again it needs none. So what hangs
delays those who wait for it, and nobody else.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from kube.client.items import Key
from kube.vocab.hashing import fnv1a
from kube.vocab.times import SECOND, Clock
from scaler.state.catalogue import Catalogue, Entry

GRID: Final = 0.05
"""Seconds between two looks at the heap; a finer grid costs more than punctuality is worth."""
PATIENCE: Final = 0.25
"""Seconds that an evaluation may keep a worker's place; most take a tenth of that."""


class TickerStats(Struct):
    """How well the ticker keeps up."""

    started: int = 0
    overrun: int = 0
    """Turns that found the evaluation before still running."""
    lateness: float = 0.0
    """Seconds from the latest evaluation's turn to its start."""


class Ticker:
    """Calls `evaluate` for each object in its turn."""

    def __init__(
        self,
        evaluate: Callable[[Entry], Awaitable[None]],
        *,
        period: int,
        workers: int,
        clock: Clock,
        active: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`period` in milliseconds; `workers` bounds the evaluations that make progress at the same
        time. `evaluate` must not raise.

        The turns of an object pass while its uid is not `active`.
        """
        self.stats = TickerStats()
        self._evaluate = evaluate
        self._period = period
        self._clock = clock
        self._active = active
        self._slots = asyncio.Semaphore(workers)
        self._heap: list[tuple[float, Key]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._closed = False

    def schedule(self, entry: Entry, *, at_once: bool) -> None:
        """Put `entry` on its grid, with an extra evaluation now if asked."""
        if at_once:
            self._start(entry, self._clock.monotonic())
        self._push(entry)

    async def run(self, catalogue: Catalogue) -> None:
        """Tick until cancelled. Evaluations that run then are left running: see `drain`."""
        while True:
            self._fire(catalogue)
            await self._sleep()

    async def drain(self, patience: float) -> None:
        """Start nothing more; what runs gets `patience` seconds to finish, then it is cancelled."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience)
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _push(self, entry: Entry) -> None:
        entry.due = self._next_turn(entry.autoscaler.metadata.uid)
        heapq.heappush(self._heap, (entry.due, entry.key))
        self._wake.set()

    def _next_turn(self, uid: str) -> float:
        """Monotonic time of the next point of the object's grid, at least a moment away."""
        past = (self._clock.now() - phase(uid, self._period)) % self._period
        return self._clock.monotonic() + (self._period - past) / SECOND

    def _fire(self, catalogue: Catalogue) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            entry = catalogue.get(key)
            # The object is gone, or was scheduled anew since: that turn is another one.
            if entry is None or entry.due != due:
                continue
            if entry.running:
                self.stats.overrun += 1
            # Turns are exact to the millisecond at best.
            elif due + GRID >= entry.rests_until:
                self._start(entry, due)
            self._push(entry)

    async def _sleep(self) -> None:
        self._wake.clear()
        if not self._heap:
            await self._wake.wait()
            return
        await asyncio.sleep(max(GRID, min(self._heap[0][0] - self._clock.monotonic(), 1.0)))

    def _start(self, entry: Entry, due: float) -> None:
        if self._closed or not self._active(entry.autoscaler.metadata.uid):
            return
        if entry.running:
            entry.again = True
            return
        entry.running = True
        task = asyncio.ensure_future(self._run(entry, due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, entry: Entry, due: float) -> None:
        try:
            async with self._place(entry):
                self.stats.started += 1
                self.stats.lateness = self._clock.monotonic() - due
                entry.again = False
                entry.asked = due
                await self._evaluate(entry)
        finally:
            entry.running = False
        if entry.again:
            self._start(entry, self._clock.monotonic())

    @asynccontextmanager
    async def _place(self, entry: Entry) -> AsyncIterator[None]:
        """A worker's place for as long as its evaluation is quick; none if the last one was not."""
        if not entry.hung:
            await self._slots.acquire()
        held = not entry.hung

        def give_up() -> None:
            nonlocal held
            entry.hung = True
            if held:
                held = False
                self._slots.release()

        patience = asyncio.get_running_loop().call_later(PATIENCE, give_up)
        entry.hung = False
        try:
            yield
        finally:
            patience.cancel()
            if held:
                self._slots.release()


def phase(uid: str, period: int) -> int:
    """Milliseconds into the period at which an object's turn comes: FNV-1a over its uid.

    Always in the first half of a second: times in a status are cut to seconds, and a turn just
    before the next one could, a few milliseconds late, start its windows a second later.
    """
    whole, part = divmod(fnv1a(uid) % period, SECOND)
    return whole * SECOND + part // 2
