"""What goes wrong with the scaler itself and its machine, as far as virtual time can show it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.faults.site import Site

_JUMP = 600_000
"""Milliseconds; back again at the end of the fault."""
_SHORT_JUMP = 90_000
"""So little that samples stay fresh, and the scaler goes on."""


@asynccontextmanager
async def killed(it: Site) -> AsyncIterator[None]:
    """As by `kill -9`; there is another one when the fault is over."""
    await it.running[-1].kill()
    yield
    await it.start_scaler()


@asynccontextmanager
async def killed_again_and_again(it: Site) -> AsyncIterator[None]:
    """Every 25 s, with a new one at once."""

    async def killer() -> None:
        while True:
            await it.running[-1].kill()
            await it.start_scaler()
            await asyncio.sleep(25)

    task = asyncio.create_task(killer())
    yield
    task.cancel()
    await asyncio.wait([task])
    if it.running[-1].over:
        await it.start_scaler()


@asynccontextmanager
async def _jumped(it: Site, by: int) -> AsyncIterator[None]:
    it.scalers_clock.off = by
    yield
    it.scalers_clock.off = 0


def clock_forward(it: Site) -> AbstractAsyncContextManager[None]:
    return _jumped(it, _JUMP)


def clock_back(it: Site) -> AbstractAsyncContextManager[None]:
    return _jumped(it, -_JUMP)


def clock_forward_a_little(it: Site) -> AbstractAsyncContextManager[None]:
    return _jumped(it, _SHORT_JUMP)


def clock_back_a_little(it: Site) -> AbstractAsyncContextManager[None]:
    return _jumped(it, -_SHORT_JUMP)
