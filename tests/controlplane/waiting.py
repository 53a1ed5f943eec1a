"""Waits for what a real cluster brings about in its own time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

PAUSE: Final = 0.1
WITHIN: Final = 180.0
"""Seconds. A wait ends as soon as what it waits for is there, so that patience costs nothing, and a
machine that is busy with something else needs it."""


def eventually(
    read: Callable[[], T], accept: Callable[[T], bool] = bool, *, within: float = WITHIN
) -> T:
    """Read again and again until `accept`; the accepted value. Fails with the last value after
    `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        value = read()
        if accept(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still after {within:g} s: {value!r}")
        time.sleep(PAUSE)


async def eventually_async(
    read: Callable[[], Awaitable[T]], accept: Callable[[T], bool] = bool, *, within: float = WITHIN
) -> T:
    """`eventually` for tests with a loop: everything else on it goes on meanwhile."""
    deadline = time.monotonic() + within
    while True:
        value = await read()
        if accept(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still after {within:g} s: {value!r}")
        await asyncio.sleep(PAUSE)
