"""Our reflector lists by stream from a real API server, and watches on from there."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kube.client.items import Key, Undecodable
from kube.client.reflector import Reflector
from kube.client.requests import JSON, PARTIAL_LIST, Resource, create_of, delete_of, list_of
from kube.client.transport import ApiClient
from kube.vocab.objects import ObjectMeta, Wire

MAPS = Resource("", "v1", "configmaps")


class ConfigMap(Wire, frozen=True):
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str] | None = None


class Names:
    """A sink that knows what is there."""

    def __init__(self) -> None:
        self.data: dict[str, dict[str, str] | None] = {}

    def on_added(self, key: Key, item: ConfigMap | Undecodable) -> None:
        assert isinstance(item, ConfigMap)
        self.data[key[1]] = item.data

    on_changed = on_added

    def on_deleted(self, key: Key) -> None:
        del self.data[key[1]]

    def on_synced(self) -> None:
        pass

    async def become(self, condition: Callable[[set[str]], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition(set(self.data)):  # noqa: ASYNC110 - told by another process
                await asyncio.sleep(0.05)


@pytest.mark.asyncio
@pytest.mark.parametrize("accept", [JSON, PARTIAL_LIST], ids=["whole objects", "metadata"])
async def test_a_reflector_lists_by_stream_and_watches_on(
    api: ApiClient, namespace: str, accept: str
):
    async def create(name: str) -> None:
        body: Any = {"metadata": {"name": name}, "data": {"of": name}}
        await api.send(create_of(MAPS, namespace, msgspec.json.encode(body)))

    for name in ("a", "b", "c"):
        await create(name)
    request = list_of(MAPS, namespace, accept=accept)
    sink = Names()
    reflector = Reflector(api, request, msgspec.json.Decoder(ConfigMap), sink)
    work = asyncio.create_task(reflector.run())
    try:
        await sink.become(lambda there: {"a", "b", "c"} <= there)
        assert sink.data["a"] == ({"of": "a"} if accept == JSON else None)
        await create("d")
        await api.send(delete_of(MAPS, namespace, "a"))
        await sink.become(lambda there: "d" in there and "a" not in there)
        assert (reflector.stats.lists, reflector.stats.streamed) == (1, 1)
        assert reflector.stats.errors == {}
    finally:
        work.cancel()
        await asyncio.wait({work})
