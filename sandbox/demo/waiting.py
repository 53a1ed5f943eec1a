"""Waiting for something to become true, without waiting for what has died."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import msgspec

from kube.client.errors import KubeError
from sandbox.demo.processes import Child

T = TypeVar("T")

EVERY = 0.1
"""Seconds between two looks."""

NOT_YET = (KubeError, aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError)
"""What a look may raise while the thing is not there yet."""


class StepFailed(Exception):
    """A step of the start that did not come to its end; `child` has the log that tells why."""

    def __init__(self, message: str, child: Child | None = None) -> None:
        super().__init__(message)
        self.child = child


async def wait_for(
    look: Callable[[], Awaitable[T | None]], what: str, *, within: float, child: Child
) -> T:
    """What `look` gives once it gives something. Raises StepFailed when `child` ends before that,
    or after `within` seconds.
    """
    last = "nothing came"
    try:
        async with asyncio.timeout(within):
            while True:
                if not child.alive:
                    code = child.process.returncode
                    raise StepFailed(f"{child.name} ended with exit code {code}", child)
                try:
                    found = await look()
                except NOT_YET as error:
                    found, last = None, f"{type(error).__name__}: {error}"
                if found is not None:
                    return found
                await asyncio.sleep(EVERY)
    except TimeoutError as error:
        raise StepFailed(f"{what} within {within:g} s: no ({last})", child) from error
