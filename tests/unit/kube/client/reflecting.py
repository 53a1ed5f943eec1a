"""A reflector at work on a collection server, and a sink that remembers."""

import asyncio
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from kube.client.items import Key, Undecodable
from kube.client.reflector import Reflector
from kube.client.requests import list_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.scripted import WIDGETS, Widget, client_of


class Recorder:
    """A sink that believes what it is told, and checks that it makes sense."""

    def __init__(self) -> None:
        self.items: dict[Key, Widget | Undecodable] = {}
        self.calls: list[tuple[str, str]] = []
        self.synced = 0

    def on_added(self, key: Key, item: Widget | Undecodable) -> None:
        assert key not in self.items
        self.items[key] = item
        self.calls.append(("added", key[1]))

    def on_changed(self, key: Key, item: Widget | Undecodable) -> None:
        assert key in self.items
        self.items[key] = item
        self.calls.append(("changed", key[1]))

    def on_deleted(self, key: Key) -> None:
        del self.items[key]
        self.calls.append(("deleted", key[1]))

    def on_synced(self) -> None:
        self.synced += 1
        self.calls.append(("synced", ""))

    def view(self) -> dict[str, str]:
        return {name: item.metadata.resource_version for (_, name), item in self.items.items()}


@asynccontextmanager
async def reflecting(server: CollectionServer, sink: Any, **options: Any):
    async with client_of(server.handle) as client:
        reflector = Reflector(
            client,
            list_of(WIDGETS, "ns"),
            msgspec.json.Decoder(Widget),
            sink,
            clock=LoopClock(0),
            random=Random(1),
            limit=2,
            **options,
        )
        work = asyncio.ensure_future(reflector.run())
        try:
            yield reflector
        finally:
            work.cancel()
            await asyncio.wait({work})
            assert work.cancelled()
            assert reflector.stats.state == "stopped"
            # A sink's own assertions end up among the counted errors.
            assert "AssertionError" not in reflector.stats.errors, reflector.stats.last_error


def started(*names: str) -> tuple[CollectionServer, Recorder]:
    server = CollectionServer()
    for name in names:
        server.put(name)
    return server, Recorder()


async def agreement(server: CollectionServer, sink: Recorder, every: float) -> None:
    """Wait until the sink's view is the server's."""
    for _ in range(round(1000 / every)):
        if sink.view() == server.view():
            return
        await asyncio.sleep(every)
    raise AssertionError(f"{sink.view()} never became {server.view()}")
