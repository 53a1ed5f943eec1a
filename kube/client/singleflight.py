"""One piece of work per key at a time; everybody who asks meanwhile shares its outcome."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Shared tasks by key.

    A waiter that is cancelled leaves the others their task; the task is cancelled with its last
    waiter, so that nothing runs for nobody.
    """

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[V]] = {}
        self._waiters: dict[asyncio.Task[V], int] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._tasks

    async def share(
        self, key: K, work: Callable[[], Coroutine[Any, Any, V]], *, to_its_end: bool = False
    ) -> V:
        """The outcome of the running work for `key`, started if there is none.

        `to_its_end`: it goes on even when all waiters leave.
        """
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._tasks[key] = task
            self._waiters[task] = 0
            task.add_done_callback(lambda done: self._ended(key, done))
        self._waiters[task] += 2 if to_its_end else 1
        try:
            return await asyncio.shield(task)
        finally:
            if task in self._waiters:
                self._waiters[task] -= 1
                if not self._waiters[task] and not task.done():
                    # Forgotten at once: whoever comes next must not join a dying task.
                    self._forget(key, task)
                    task.cancel()

    async def close(self) -> None:
        """Cancel whatever still runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: K, task: asyncio.Task[V]) -> None:
        self._forget(key, task)
        if not task.cancelled():
            # Looked at, lest asyncio complain about a failure that nobody waited for any more.
            task.exception()

    def _forget(self, key: K, task: asyncio.Task[V]) -> None:
        self._waiters.pop(task, None)
        if self._tasks.get(key) is task:
            del self._tasks[key]
