"""Asks the backend of every APIService whether it lives and writes the Available condition."""

import asyncio
from typing import Final

from sandbox.apiserver.aggregation.aggregation import Aggregator
from sandbox.apiserver.aggregation.backends import Unreachable
from sandbox.apiserver.kinds.catalogue import is_remote
from sandbox.apiserver.kinds.conditions import with_condition
from sandbox.apiserver.kinds.resources import APISERVICES, SERVICES, Object, Resource
from sandbox.apiserver.storage.store import Store

_TYPE: Final = "Available"
_PASSED: Final = ("Passed", "all checks passed")
_LOCAL: Final = ("Local", "Local APIServices are always available")


class Availability:
    """Checks on change of an APIService or Service, and every `interval` seconds."""

    def __init__(self, store: Store, aggregator: Aggregator, interval: float) -> None:
        self._store = store
        self._aggregator = aggregator
        self._interval = interval
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Check for ever."""
        async with asyncio.TaskGroup() as tasks:
            for resource in (APISERVICES, SERVICES):
                tasks.create_task(self._follow(resource))
            while True:
                self._changed.clear()
                await self.check_all()
                try:
                    async with asyncio.timeout(self._interval):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def check_all(self) -> None:
        """Check every APIService once, all at the same time."""
        await asyncio.gather(*(self._check(item) for item in self._store.list(APISERVICES)))

    async def _follow(self, resource: Resource) -> None:
        watch = self._store.watch(resource)
        try:
            async for _event in watch:
                self._changed.set()
        finally:
            watch.close()

    async def _check(self, service: Object) -> None:
        available, (reason, message) = True, _LOCAL
        if is_remote(service):
            reason, message = _PASSED
            try:
                await self._aggregator.discover(service)
            except Unreachable as unreachable:
                available, reason, message = False, unreachable.reason, str(unreachable)
        self._write(service["metadata"]["name"], available, reason, message)

    def _write(self, name: str, available: bool, reason: str, message: str) -> None:
        service = self._store.find(APISERVICES, "", name)
        if service is None:
            return  # deleted while its backend was asked
        stored = (service.get("status") or {}).get("conditions")
        now = self._store.clock.now()
        conditions = with_condition(stored, _TYPE, available, reason, message, now)
        body = {**service, "status": {"conditions": conditions}}
        self._store.update(APISERVICES, "", name, body, "status")
