"""A scaler in the test's own event loop."""

import asyncio
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from random import Random

import yaml

from kube.vocab.times import Clock
from scaler.app import serve
from scaler.settings import Settings


class Running:
    """A scaler in the event loop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.kubeconfig = Path(settings.kubeconfig or "")
        self.url = f"http://127.0.0.1:{settings.metrics_address.port}"
        self.health = f"http://127.0.0.1:{settings.health_port}"
        self._end = asyncio.Event()
        self._task = asyncio.create_task(serve(settings, self._end, clock, Random(1)))

    async def stop(self) -> None:
        """The orderly end of SIGTERM."""
        self._end.set()
        await self._task

    async def kill(self) -> None:
        """The end of a process that says no last word."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    @cached_property
    def token(self) -> str:
        """What it shows the API server."""
        users = yaml.safe_load(self.kubeconfig.read_text())["users"]
        return str(users[0]["user"]["token"])

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._task.done()
