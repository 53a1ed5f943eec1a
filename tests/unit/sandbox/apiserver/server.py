"""A server in the test's own loop, and a session to speak to it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp

from kube.vocab.times import Clock, SystemClock
from sandbox.apiserver.app import build_app
from sandbox.apiserver.http.serving import start
from sandbox.apiserver.storage.store import Store


class Served(NamedTuple):
    url: str
    session: aiohttp.ClientSession
    store: Store


@contextlib.asynccontextmanager
async def served(clock: Clock | None = None, **options: Any) -> AsyncIterator[Served]:
    """Serve an empty store; `options` go to `build_app`."""
    store = Store(clock or SystemClock())
    async with (
        await start(build_app(store, **options)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Served(server.url, session, store)
