"""The bounded log of changes and the watches that follow it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from msgspec import Struct

from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.errors import Gone

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

_LAGGING: Final = 10_000
"""Events a watcher may lag behind before it is cut off, as the real server cuts slow watchers."""


class Event(Struct, frozen=True, gc=False):
    """One change. `object` and `previous` are shared: read them, never write them."""

    version: int
    type: EventType
    object: Object
    previous: Object | None = None


Matcher = Callable[[Object], bool]
"""Whether a watcher wants to know of an object."""


class Watch:
    """An unbounded stream of events: `async for event in watch`; close it when done.

    Cancelling a pending `anext` loses nothing. Raises Gone when the reader lags too far behind.
    """

    def __init__(self, backlog: list[Event], matches: Matcher, history: "History") -> None:
        self._matches = matches
        self._pending = deque(
            seen for event in backlog if (seen := as_seen(event, matches)) is not None
        )
        self._arrived = asyncio.Event()
        self._history = history
        self._lost = False
        self._closed = False

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> Event:
        while not self._pending:
            if self._lost:
                raise Gone("too old resource version: the watcher was too slow")
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._pending.popleft()

    async def batch(self, timeout: float) -> list[Event]:
        """What has happened, after waiting up to `timeout` seconds for something to happen.

        Raises Gone when the reader lagged too far behind.
        """
        if not self._pending and not self._closed and not self._lost:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
        if self._lost:
            raise Gone("too old resource version: the watcher was too slow")
        events = list(self._pending)
        self._pending.clear()
        return events

    @property
    def closed(self) -> bool:
        """Whether nothing will follow any more."""
        return self._closed

    def deliver(self, event: Event) -> None:
        """Hand over one event; called by the history."""
        seen = as_seen(event, self._matches)
        if seen is None:
            return
        if len(self._pending) >= _LAGGING:
            self._pending.clear()
            self._lost = True
            self._history.forget(self)
        else:
            self._pending.append(seen)
        self._arrived.set()

    def close(self) -> None:
        """Stop following; the iteration ends after what is pending."""
        self._closed = True
        self._history.forget(self)
        self._arrived.set()


def as_seen(event: Event, matches: Matcher) -> Event | None:
    """`event` as a watcher with a selector sees it: objects come and go as they match, or None."""
    before = event.previous is not None and matches(event.previous)
    after = event.type != "DELETED" and matches(event.object)
    if after:
        kind: EventType = "MODIFIED" if before else "ADDED"
    elif before:
        kind = "DELETED"
    else:
        return None
    return event if kind == event.type else Event(event.version, kind, event.object, event.previous)


class History:
    """The latest `capacity` changes of one resource."""

    def __init__(self, capacity: int) -> None:
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._watches: list[Watch] = []
        self.compacted = 0
        """The version up to which changes are no longer known."""

    def append(self, event: Event) -> None:
        """Record a change and tell every watch."""
        self._events.append(event)
        if len(self._events) > self._capacity:
            self.compacted = self._events.popleft().version
        for watch in tuple(self._watches):
            watch.deliver(event)

    def compact(self) -> None:
        """Drop what is recorded, as a compaction of etcd does; open watches go on."""
        if self._events:
            self.compacted = self._events[-1].version
            self._events.clear()

    def since(self, version: int) -> list[Event]:
        """The changes after `version`. Raises Gone when they are not all known any more."""
        if version < self.compacted:
            raise Gone(f"too old resource version: {version} ({self.compacted})")
        return [event for event in self._events if event.version > version]

    def follow(self, backlog: list[Event], matches: Matcher) -> Watch:
        """A watch that starts with `backlog` and goes on with what happens from now."""
        watch = Watch(backlog, matches, self)
        self._watches.append(watch)
        return watch

    def forget(self, watch: Watch) -> None:
        """Tell `watch` no more."""
        if watch in self._watches:
            self._watches.remove(watch)
