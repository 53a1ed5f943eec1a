"""The loop that every controller is: events mark keys, each marked key is reconciled once.

A reconcile is synchronous and reads the store afresh, so it never acts on a stale view; it may
ask to be called again after a while. Time is the event loop's, so virtual time works.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

import structlog
from msgspec import Struct

from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import Gone
from sandbox.apiserver.storage.store import Store

Key = tuple[str, str]
"""Namespace and name."""
Seconds = float
Reconcile = Callable[[Key], Seconds | None]
"""Brings one object closer to what is wanted; returns when to look again, None for never."""

_LOG: Final = structlog.get_logger("sandbox.controllers")
_RETRY: Final[Seconds] = 1.0
_BATCH: Final = 64
"""Objects handled before requests get their turn: few enough not to be felt, enough for owners to
look at their many objects once for many changes."""


class Trigger(Struct, frozen=True):
    """Changes of `resource` mark the keys that `keys` names."""

    resource: Resource
    keys: Callable[[Object], Iterable[Key]]


class Controller:
    """Runs one reconcile function."""

    def __init__(
        self, name: str, store: Store, triggers: Sequence[Trigger], reconcile: Reconcile
    ) -> None:
        self.name = name
        self._store = store
        self._triggers = triggers
        self._reconcile = reconcile
        self._marked: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for trigger in self._triggers:
                    tasks.create_task(self._follow(trigger))
                await self._work()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _follow(self, trigger: Trigger) -> None:
        while True:
            watch = self._store.watch(trigger.resource)
            try:
                async for event in watch:
                    for key in trigger.keys(event.object):
                        self._mark(key)
            except Gone:
                continue  # too slow for a flood of changes: look at everything afresh
            finally:
                watch.close()

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            while self._marked:
                for key in list(islice(self._marked, _BATCH)):
                    del self._marked[key]
                    self._handle(key)
                await asyncio.sleep(0)
            await self._woken.wait()

    def _handle(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        try:
            again = self._reconcile(key)
        except Exception:  # noqa: BLE001 - the boundary: one odd object must not stop the others
            _LOG.exception("reconcile failed", controller=self.name, object="/".join(key))
            again = _RETRY
        if again is not None:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(max(again, 0.0), self._mark, key)

    def _mark(self, key: Key) -> None:
        self._marked[key] = None
        self._woken.set()


def own_key(obj: Object) -> tuple[Key, ...]:
    """The key of the object itself."""
    meta = obj["metadata"]
    return ((meta.get("namespace", ""), meta["name"]),)
