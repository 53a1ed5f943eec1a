"""A bounded number of things at a time, and a bounded number that wait for their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from adapter.core.results import UpstreamError


class NoTurnError(UpstreamError):
    """A query was not sent because others have to be answered first."""


class Turns:
    """Lets `at_once` queries run while up to `queued` wait, first come, first served."""

    def __init__(self, at_once: int, queued: int, running: Gauge, waiting: Gauge) -> None:
        """`running` and `waiting` show how many there are."""
        self._slots = asyncio.Semaphore(at_once)
        self._queued = queued
        self._waiting = 0
        self._shown_running = running
        self._shown_waiting = waiting

    @asynccontextmanager
    async def one(self, budget: float) -> AsyncIterator[float]:
        """A turn, which comes within `budget` seconds; yields how many of them are left.

        Raises NoTurnError.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + budget
        await self._come(budget)
        self._shown_running.inc()
        try:
            yield max(0.0, deadline - loop.time())
        finally:
            self._shown_running.dec()
            self._slots.release()

    async def _come(self, budget: float) -> None:
        if self._slots.locked() and self._waiting >= self._queued:
            raise NoTurnError("unavailable", f"{self._waiting} queries wait already")
        self._waiting += 1
        self._shown_waiting.inc()
        try:
            async with asyncio.timeout(budget):
                await self._slots.acquire()
        except TimeoutError as error:
            raise NoTurnError("timeout", f"no turn within {budget:g} s") from error
        finally:
            self._waiting -= 1
            self._shown_waiting.dec()
