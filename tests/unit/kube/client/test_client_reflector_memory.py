"""How many objects a reflector holds at a time (V-13)."""

import asyncio
import weakref
from random import Random
from typing import Any

import msgspec
import pytest

from kube.client.items import Key
from kube.client.reflector import Reflector
from kube.client.requests import list_of
from kube.vocab.objects import ObjectMeta
from kube.vocab.times import LoopClock
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.scripted import WIDGETS, Widget, client_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

OBJECTS = 300


class Tracked:
    """A decoded object whose end is noticed."""

    def __init__(self, metadata: ObjectMeta) -> None:
        self.metadata = metadata


class Counting:
    """A decoder that knows how many of its objects are alive, and were at most."""

    def __init__(self) -> None:
        self.alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
        self.most = 0

    def decode(self, body: bytes, /) -> Tracked:
        made = Tracked(msgspec.json.decode(body, type=Widget).metadata)
        self.alive.add(made)
        self.most = max(self.most, len(self.alive))
        return made


class Newest:
    """A sink that holds each object once."""

    def __init__(self) -> None:
        self.items: dict[Key, Any] = {}
        self.synced = 0

    def on_added(self, key: Key, item: Any) -> None:
        self.items[key] = item

    on_changed = on_added

    def on_deleted(self, key: Key) -> None:
        del self.items[key]

    def on_synced(self) -> None:
        self.synced += 1


@pytest.mark.parametrize("streams", [False, True], ids=["pages", "stream"])
async def test_a_relist_holds_no_second_set_of_objects(streams):  # V-13
    server, decoder, sink = CollectionServer(), Counting(), Newest()
    server.streams = streams
    for number in range(OBJECTS):
        server.put(f"w{number:03}")
    async with client_of(server.handle) as client:
        reflector = Reflector(
            client, list_of(WIDGETS, "ns"), decoder, sink,
            clock=LoopClock(0), random=Random(1), limit=50,
        )  # fmt: skip
        work = asyncio.ensure_future(reflector.run())
        await asyncio.sleep(1)
        assert (sink.synced, len(decoder.alive)) == (1, OBJECTS)
        server.cut()
        for name in list(server.objects):
            server.put(name, 2)
        server.forget()
        await asyncio.sleep(30)
        work.cancel()
        await asyncio.wait({work})
    assert sink.synced == 2
    assert reflector.stats.streamed == (2 if streams else 0)
    assert {item.metadata.resource_version for item in sink.items.values()} == {
        version for version in server.view().values()
    }
    # One is decoded while the one that it replaces is still there.
    assert decoder.most <= OBJECTS + 2
