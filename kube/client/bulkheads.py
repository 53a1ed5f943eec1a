"""Places for calls, so that those to something that hangs do not take the places of the others.

What may hang as one, all calls to an aggregated API say, is a *whole* with places of its own; a
*part* of it, such as one namespace or one metric, can have some of them. A call that waits long for
its answer moves to places for the slow, and where the wait becomes very long, its part is asked by
one call at a time until an answer comes. So many parts can hang at once and still leave places to
the rest of their whole.

Waiting for a place is the caller's time: it belongs under the same deadline as the call.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from cachetools import TTLCache
from msgspec import Struct, field

WHOLE: Final = 256
"""Calls to a whole at a time, and as many slow ones."""
PART: Final = 64
"""Calls to a part of it at a time."""
SLOW_AFTER: Final = 1.0
"""Seconds without an answer after which a call is a slow one."""
HANGS_AFTER: Final = 5.0
"""Seconds without an answer after which its part is taken to hang."""
REMEMBERED: Final = 60.0
"""Seconds for which that is known of a part that nobody asks any more."""
KNOWN: Final = 4096
"""Parts of which that is known at most."""

_Key = tuple[str, str]


class Call(Struct):
    """One call: what it goes to, and how far it came."""

    whole: str
    part: str
    under_way: bool = False
    """Whether it got a place."""
    answered: bool = False
    """To be set once there is an answer, whatever it says."""


class _Part(Struct, eq=False):
    """The calls to one part, under way and waiting."""

    places: asyncio.Semaphore
    users: int = 0
    probing: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set for a moment when it may have become somebody's turn."""

    def tell(self) -> None:
        """Let those who wait for their turn look again."""
        self.news.set()
        self.news.clear()


class _Whole(Struct, eq=False):
    """The calls to one whole."""

    places: asyncio.Semaphore
    users: int = 0
    slow: int = 0


class Bulkheads:
    """The places of all calls of one client."""

    def __init__(
        self, monotonic: Callable[[], float], *, whole: int = WHOLE, part: int = PART
    ) -> None:
        self._whole = whole
        self._part = part
        self._wholes: dict[str, _Whole] = {}
        self._parts: dict[_Key, _Part] = {}
        self._hanging: TTLCache[_Key, None] = TTLCache(KNOWN, REMEMBERED, timer=monotonic)

    def __len__(self) -> int:
        """Wholes and parts in use; those that nobody uses are forgotten."""
        return len(self._wholes) + len(self._parts)

    @asynccontextmanager
    async def place(self, call: Call) -> AsyncIterator[None]:
        """Wait for a place among the calls to the same part and whole, and hold it."""
        key = call.whole, call.part
        whole = self._wholes.setdefault(call.whole, _Whole(asyncio.Semaphore(self._whole)))
        part = self._parts.setdefault(key, _Part(asyncio.Semaphore(self._part)))
        whole.users += 1
        part.users += 1
        try:
            async with part.places, self._turn(key, part), self._room(whole):
                call.under_way = True
                async with self._watched(call, key, part):
                    yield
        finally:
            part.users -= 1
            whole.users -= 1
            if part.users == 0:
                del self._parts[key]
            if whole.users == 0:
                del self._wholes[call.whole]

    @asynccontextmanager
    async def _turn(self, key: _Key, part: _Part) -> AsyncIterator[None]:
        """While the part hangs, one at a time."""
        while key in self._hanging and part.probing:
            await part.news.wait()
        probing = key in self._hanging
        part.probing = part.probing or probing
        try:
            yield
        finally:
            if probing:
                part.probing = False
                part.tell()

    @asynccontextmanager
    async def _room(self, whole: _Whole) -> AsyncIterator[None]:
        """A place, and after a while one for the slow, as long as there are some."""
        await whole.places.acquire()
        moved = False

        def move() -> None:
            nonlocal moved
            if whole.slow < self._whole:
                moved = True
                whole.slow += 1
                whole.places.release()

        timer = asyncio.get_running_loop().call_later(SLOW_AFTER, move)
        try:
            yield
        finally:
            timer.cancel()
            if moved:
                whole.slow -= 1
            else:
                whole.places.release()

    @asynccontextmanager
    async def _watched(self, call: Call, key: _Key, part: _Part) -> AsyncIterator[None]:
        """Learn from the call whether its part hangs."""

        def suspect() -> None:
            if not call.answered:
                self._hanging[key] = None

        timer = asyncio.get_running_loop().call_later(HANGS_AFTER, suspect)
        try:
            yield
        finally:
            timer.cancel()
            if call.answered and key in self._hanging:
                del self._hanging[key]
                part.tell()
