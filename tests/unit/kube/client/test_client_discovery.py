import asyncio

import pytest
from aiohttp import web

from kube.client.discovery import KNOWN_GROUPS, Discovery, NoKindMatch, NotScalable
from kube.client.errors import ServerError, Unreachable
from kube.vocab.times import LoopClock
from tests.unit.kube.client.scripted import client_of, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def resource(name: str, kind: str, namespaced: bool = True) -> dict[str, object]:
    return {"name": name, "kind": kind, "namespaced": namespaced}


class Server:
    """Serves discovery documents; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.documents: dict[str, object] = {
            "/api/v1": {
                "resources": [
                    resource("replicationcontrollers", "ReplicationController"),
                    resource("replicationcontrollers/scale", "Scale"),
                    resource("nodes", "Node", namespaced=False),
                ]
            },
            "/apis/apps": {
                "versions": [{"version": "v1beta2"}, {"version": "v1"}],
                "preferredVersion": {"version": "v1"},
            },
            "/apis/apps/v1beta2": {"resources": [resource("deployments", "Deployment")]},
            "/apis/apps/v1": {
                "resources": [
                    resource("deployments", "Deployment"),
                    resource("deployments/scale", "Scale"),
                    resource("deployments/status", "Deployment"),
                    resource("daemonsets", "DaemonSet"),
                ]
            },
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path not in self.documents:
            return failure(404, "NotFound")
        return web.json_response(self.documents[request.path])


async def test_a_kind_is_found_with_its_scale_preferred_version_first():
    server = Server()
    async with client_of(server.handle) as client:
        first, second = await Discovery(client).mappings("apps/v1", "Deployment")
    assert (first.resource.version, first.resource.plural, first.scalable) == (
        "v1",
        "deployments",
        True,
    )
    assert (second.resource.version, second.scalable) == ("v1beta2", False)


async def test_the_version_of_the_object_comes_before_the_preferred_one():
    server = Server()
    async with client_of(server.handle) as client:
        discovery = Discovery(client)
        mappings = await discovery.mappings("apps/v1beta2", "Deployment")
        assert [mapping.resource.version for mapping in mappings] == ["v1beta2", "v1"]
        scalable = await discovery.scalable("apps/v1beta2", "Deployment")
    assert scalable.resource.version == "v1"


async def test_well_known_kinds_need_no_api_version():
    server = Server()
    async with client_of(server.handle) as client:
        discovery = Discovery(client)
        assert (await discovery.scalable("", "Deployment")).resource.api_version == "apps/v1"
        controller = await discovery.scalable("", "ReplicationController")
        assert controller.resource.root == "/api/v1"
        (node,) = await discovery.mappings("v1", "Node")
        assert not node.resource.namespaced


async def test_answers_are_kept_and_a_miss_asks_again_but_not_at_once():
    server = Server()
    async with client_of(server.handle) as client:
        clock = HandClock()
        discovery = Discovery(client, clock=clock)
        await discovery.mappings("apps/v1", "Deployment")
        await discovery.mappings("apps/v1", "DaemonSet")
        asked = len(server.asked)
        for _ in range(5):
            with pytest.raises(NoKindMatch, match='no matches for kind "Widget" in group "apps"'):
                await discovery.mappings("apps/v1", "Widget")
        assert len(server.asked) == asked
        server.documents["/apis/apps/v1"] = {"resources": [resource("widgets", "Widget")]}
        clock.time += 11
        (mapping,) = await discovery.mappings("apps/v1", "Widget")
        assert mapping.resource.plural == "widgets"


async def test_an_unknown_group_and_a_kind_without_scale_say_which():
    server = Server()
    async with client_of(server.handle) as client:
        discovery = Discovery(client)
        with pytest.raises(NoKindMatch, match='in group "nope"'):
            await discovery.mappings("nope/v1", "Widget")
        with pytest.raises(NotScalable, match='"DaemonSet" in group "apps"'):
            await discovery.scalable("apps/v1", "DaemonSet")


async def test_a_server_in_trouble_is_not_an_unknown_kind():
    async def handler(request):
        return failure(500, "InternalError")

    async with client_of(handler) as client:
        with pytest.raises(ServerError):
            await Discovery(client).mappings("apps/v1", "Deployment")


class HandClock(LoopClock):
    """A clock turned by hand."""

    def __init__(self) -> None:
        super().__init__(0)
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


async def test_a_group_that_hangs_is_waited_for_once_by_all_who_ask():
    server = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/apis/apps":
            server.asked.append(request.path)
            await asyncio.sleep(3600)
        return await server.handle(request)

    async with client_of(handle, timeout=10.0) as client:
        discovery = Discovery(client)
        asked = [discovery.mappings("apps/v1", "Deployment") for _ in range(30)]
        given_up = asyncio.create_task(discovery.mappings("apps/v1", "Deployment"))
        await asyncio.sleep(1)
        given_up.cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert asyncio.get_running_loop().time() < 12
        assert {type(error) for error in found} == {Unreachable}
        assert server.asked == ["/apis/apps"]
        await discovery.mappings("v1", "Node")


async def test_groups_that_objects_make_up_are_not_kept_for_ever():
    server = Server()
    async with client_of(server.handle) as client:
        discovery = Discovery(client)
        for number in range(KNOWN_GROUPS + 50):
            with pytest.raises(NoKindMatch):
                await discovery.mappings(f"g{number}.example.org/v1", "Thing")
        assert len(discovery) == KNOWN_GROUPS
