"""Keeps what is in use fresh in the background, so that reads are answered from memory.

Every time to live has a grid of its own, which begins with the first answer that lives for it:
replicas differ in that. All that is due at a tick is asked at once, which lets the planner put
questions together, and each key at most once per time to live (external-metrics-api §18).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from adapter.core.breaker import Admission
from adapter.readings import Kept, Key
from adapter.values import Values
from kube.service.logs import get_logger
from kube.vocab.times import Clock

_log = get_logger("refresher")

_MOST: Final = 10_000
"""Keys that are refreshed at a tick; further ones are asked for when somebody reads them."""
_BREATH: Final = 0.001
"""Seconds; a tick that is less than that away is not waited for in ever smaller parts of it."""
_AT_ONCE: Final = 500
"""Questions that are open at a time: fewer than may queue, so that readers find a place."""

Due = tuple[Key, Kept]


class Refresher:
    """Asks anew for what was read in the last minute."""

    def __init__(self, values: Values, admission: Callable[[str], Admission], clock: Clock) -> None:
        """`admission` tells what would become of a query to an upstream."""
        self._values = values
        self._admission = admission
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._ticks: dict[float, float] = {}

    async def run(self) -> None:
        """Refresh until cancelled."""
        async with asyncio.TaskGroup() as rounds:
            while True:
                self._values.new_period.clear()
                now = self._clock.monotonic()
                for period in self._values.periods - self._ticks.keys():
                    self._ticks[period] = now + period
                for period in [one for one, tick in self._ticks.items() if tick <= now]:
                    due = self._tick(period, now)
                    if due:
                        rounds.create_task(self._renew(due))
                await self._pause()

    def _tick(self, period: float, now: float) -> list[Due]:
        due = self._values.due(period, _MOST)
        if due:
            # Ticks that were slept through are left out.
            missed = (now - self._ticks[period]) // period
            self._ticks[period] += (missed + 1) * period
        else:
            # The grid begins anew with the next answer.
            del self._ticks[period]
            self._values.periods.discard(period)
        return due

    async def _pause(self) -> None:
        """Until the next tick or a period without a grid."""
        pause = min(self._ticks.values(), default=None)
        if pause is not None:
            pause = max(_BREATH, pause - self._clock.monotonic())
        try:
            async with asyncio.timeout(pause):
                await self._values.new_period.wait()
        except TimeoutError:
            return

    async def _renew(self, due: list[Due]) -> None:
        by_upstream: dict[str, list[Due]] = {}
        for one in due:
            by_upstream.setdefault(one[0][1].upstream, []).append(one)
        outcomes = await asyncio.gather(
            *(self._renew_at(name, group) for name, group in by_upstream.items()),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                _log.error("refresh failed", exc_info=outcome)

    async def _renew_at(self, upstream: str, due: list[Due]) -> None:
        """An upstream that does not answer gets one question; the others follow if it succeeds."""
        if self._admission(upstream) == "probe":
            await self._renew_one(*due.pop(0))
        if self._admission(upstream) != "pass":
            return
        await asyncio.gather(*(self._renew_one(*one) for one in due))

    async def _renew_one(self, key: Key, kept: Kept) -> None:
        async with self._slots:
            await self._values.renew(key, kept)
