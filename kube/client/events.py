"""Events on objects: `kubectl describe` shows them under the object they are about.

Recording never waits and never fails: events go to a bounded queue that `run` empties. The same
event on the same object again raises `count` of the one that is there.
"""

import asyncio
import secrets
from collections import deque
from random import Random
from typing import Any, Final, Literal

import msgspec
from cachetools import LRUCache
from msgspec import Struct

from kube.client.errors import ApiError, Conflict, KubeError, NotFound
from kube.client.pacing import Backoff
from kube.client.requests import Patch, Resource, create_of, patch_of
from kube.client.transport import ApiClient
from kube.vocab.objects import Wire
from kube.vocab.times import Clock, Millis, SystemClock, format_rfc3339

EventType = Literal["Normal", "Warning"]

EVENTS: Final = Resource("", "v1", "events")
REMEMBERED: Final = 4096
"""Written events that may still be counted up."""
COUNTED_WITHIN: Final[Millis] = 10 * 60 * 1000
"""The same event later than this is a new one: servers forget events after an hour."""
LONGEST_MESSAGE: Final = 1024
"""What the API server accepts in a message."""
ATTEMPTS: Final = 5
PAUSE: Final = (0.5, 10.0)
"""Seconds of the smallest and the longest pause between them."""


class ObjectReference(Wire, frozen=True):
    """The object an event is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class RecorderStats(Struct):
    """What became of recorded events."""

    created: int = 0
    counted_up: int = 0
    dropped: int = 0
    """Not written: the queue was full, or the server refused it for good."""
    last_error: str = ""


class _Draft(Struct):
    """Events not written yet: one, or several alike."""

    about: ObjectReference
    type: EventType
    reason: str
    message: str
    first: Millis
    last: Millis
    keep: bool
    times: int = 1

    @property
    def identity(self) -> tuple[str, ...]:
        about = self.about
        return about.uid, about.namespace, about.name, self.type, self.reason, self.message


class _Written(Struct):
    """An event on the server."""

    name: str
    count: int
    last: Millis


class EventRecorder:
    """Writes core/v1 Events as `component`."""

    def __init__(
        self,
        client: ApiClient,
        component: str,
        *,
        host: str = "",
        capacity: int = 1000,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        """`host` goes to `source.host`."""
        self.stats = RecorderStats()
        self._client = client
        self._source = {"component": component} | ({"host": host} if host else {})
        self._capacity = capacity
        self._clock = clock or SystemClock()
        self._backoff = Backoff(*PAUSE, random or Random())
        self._queue: deque[_Draft] = deque()
        self._waiting: dict[tuple[str, ...], _Draft] = {}
        self._written: LRUCache[tuple[str, ...], _Written] = LRUCache(REMEMBERED)
        self._filled = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def record(
        self,
        about: ObjectReference,
        type_: EventType,
        reason: str,
        message: str,
        *,
        keep: bool = False,
    ) -> None:
        """Queue an event. With `keep` it is not given up for others when the queue is full
        (scaling events, D23).
        """
        now = self._clock.now()
        draft = _Draft(about, type_, reason, message[:LONGEST_MESSAGE], now, now, keep)
        alike = self._waiting.get(draft.identity)
        if alike is not None:
            alike.times += 1
            alike.last = now
            return
        if len(self._queue) >= self._capacity and not self._make_room(keep):
            self.stats.dropped += 1
            return
        self._queue.append(draft)
        self._waiting[draft.identity] = draft
        self._idle.clear()
        self._filled.set()

    async def run(self) -> None:
        """Write queued events until cancelled."""
        while True:
            await self._filled.wait()
            while self._queue:
                draft = self._queue.popleft()
                del self._waiting[draft.identity]
                await self._write(draft)
            self._filled.clear()
            self._idle.set()

    async def drained(self) -> None:
        """Wait until everything queued is written or dropped; bound it with a timeout."""
        await self._idle.wait()

    def _make_room(self, keep: bool) -> bool:
        """Drop the oldest event that may go; whether there is room now."""
        victim = next((draft for draft in self._queue if not draft.keep), None) if keep else None
        if victim is None:
            return False
        self._queue.remove(victim)
        del self._waiting[victim.identity]
        self.stats.dropped += victim.times
        return True

    async def _write(self, draft: _Draft) -> None:
        self._backoff.reset()
        for attempt in range(ATTEMPTS):
            try:
                await self._count_up_or_create(draft)
                return
            except (KubeError, ValueError) as error:
                self.stats.last_error = str(error)
                if not getattr(error, "retryable", False) or attempt == ATTEMPTS - 1:
                    break
                asked = error.retry_after if isinstance(error, ApiError) else None
                await asyncio.sleep(max(self._backoff.next(), asked or 0.0))
        self.stats.dropped += draft.times

    async def _count_up_or_create(self, draft: _Draft) -> None:
        written = self._written.get(draft.identity)
        if written is not None and draft.last - written.last <= COUNTED_WITHIN:
            count = written.count + draft.times
            try:
                await self._count_up(draft, written.name, count)
            except (NotFound, Conflict):
                # The server forgot it: events expire.
                del self._written[draft.identity]
            else:
                self._written[draft.identity] = _Written(written.name, count, draft.last)
                self.stats.counted_up += 1
                return
        name = f"{draft.about.name[:200]}.{secrets.token_hex(8)}"
        body = msgspec.json.encode(self._event(draft, name))
        await self._client.send(create_of(EVENTS, _namespace(draft), body))
        self._written[draft.identity] = _Written(name, draft.times, draft.last)
        self.stats.created += 1

    async def _count_up(self, draft: _Draft, name: str, count: int) -> None:
        body = msgspec.json.encode({"count": count, "lastTimestamp": format_rfc3339(draft.last)})
        await self._client.send(patch_of(EVENTS, _namespace(draft), name, body, Patch.MERGE))

    def _event(self, draft: _Draft, name: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": _namespace(draft)},
            "involvedObject": draft.about,
            "type": draft.type,
            "reason": draft.reason,
            "message": draft.message,
            "source": self._source,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host", ""),
            "count": draft.times,
            "firstTimestamp": format_rfc3339(draft.first),
            "lastTimestamp": format_rfc3339(draft.last),
        }


def _namespace(draft: _Draft) -> str:
    """Events about cluster-scoped objects live in `default`."""
    return draft.about.namespace or "default"
