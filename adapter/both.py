"""Two things at once, of which neither is worth anything without the other."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def both(one: Coroutine[Any, Any, A], other: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Both outcomes. The first failure cancels the other and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(one)
            second = tasks.create_task(other)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    return first.result(), second.result()
