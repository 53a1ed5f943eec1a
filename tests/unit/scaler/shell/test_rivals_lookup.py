"""Looking for rivals: how often the server is asked, and what its refusals mean (D37)."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from kube.vocab.objects import ObjectMeta
from kube.vocab.times import LoopClock
from scaler.core.rivals import PEER, Claim, target_key
from scaler.core.wire import KIND
from scaler.shell.rivals import Rivals
from scaler.state.catalogue import Catalogue
from tests.oracle.worlds import autoscaler, given_spec, plain_spec
from tests.unit.kube.client.scripted import client_of, failure

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

SPEC = plain_spec()
HPA = "HorizontalPodAutoscaler"
PATH = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"


def hpa(name: str, target: str = "web") -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": reference, "maxReplicas": 3}}


class Server:
    """Serves `items`, or the failure `code`."""

    def __init__(self) -> None:
        self.items = [hpa("web"), hpa("other", "api")]
        self.code = 0
        self.peers: list[str] = []
        self.peers_code = 0
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if "/deployments" in request.path:
            return await self._peers(request)
        self.asked.append(request.path)
        if self.code:
            return failure(self.code, "Forbidden" if self.code == 403 else "NotFound")
        return web.json_response({"items": self.items})

    async def _peers(self, request: web.Request) -> web.StreamResponse:
        assert request.query["labelSelector"] == PEER_CONTROLLED
        if self.peers_code:
            return failure(self.peers_code, "Forbidden")
        return web.json_response({"items": [{"metadata": {"name": name}} for name in self.peers]})


PEER_CONTROLLED = "virtual-kubelet.koupleless.io/strategy=peer," + (
    "virtual-kubelet.koupleless.io/replicas-control!=true"
)


def names(found: Any) -> list[tuple[str, str]]:
    return [(claim.kind, claim.name) for claim in found]


async def test_a_namespace_is_listed_once_a_minute_however_many_ask():
    server = Server()
    async with client_of(server.handle) as client:
        looking = Rivals(client, Catalogue(lambda _key, _at_once: None), LoopClock(0))
        answers = await asyncio.gather(*(looking.of(SPEC) for _ in range(20)))
        assert [names(found) for found in answers] == [[(HPA, "web")]] * 20
        server.items = []
        await asyncio.sleep(59)
        assert names(await looking.of(SPEC)) == [(HPA, "web")]
        await asyncio.sleep(2)
        assert await looking.of(SPEC) == ()
    assert server.asked == [PATH, PATH]


async def test_nothing_is_asked_for_an_autoscaler_in_dry_run():
    server = Server()
    async with client_of(server.handle) as client:
        looking = Rivals(client, Catalogue(lambda _key, _at_once: None), LoopClock(0))
        assert await looking.of(plain_spec(dry_run=True)) == ()
    assert server.asked == []


async def test_a_server_without_the_api_has_none_and_one_that_refuses_leaves_it_open():
    server = Server()
    async with client_of(server.handle) as client:
        looking = Rivals(client, Catalogue(lambda _key, _at_once: None), LoopClock(0))
        server.code = 403
        known = Claim(HPA, "web", target_key(SPEC.namespace, SPEC.target))
        assert await looking.of(SPEC) == ()
        assert await looking.of(SPEC, (known,)) == (known,), "nobody can tell: it is still there"
        await asyncio.sleep(61)
        server.code = 404
        assert await looking.of(SPEC) == ()


async def test_other_autoscalers_on_the_target_are_rivals_unless_in_dry_run():
    server = Server()
    catalogue = Catalogue(lambda _key, _at_once: None)
    for name, dry_run in (("web", False), ("second", False), ("trial", True)):
        wpa = autoscaler(dryRun=dry_run)
        metadata = ObjectMeta(namespace="shop", name=name, uid=name)
        catalogue.on_added(("shop", name), type(wpa)(metadata, wpa.spec))
    server.items = []
    async with client_of(server.handle) as client:
        looking = Rivals(client, catalogue, LoopClock(0))
        assert names(await looking.of(given_spec())) == [(KIND, "second")]


async def test_the_peer_controller_is_known_by_the_targets_label():
    server = Server()
    server.items, server.peers = [], ["api", "web"]
    async with client_of(server.handle) as client:
        looking = Rivals(client, Catalogue(lambda _key, _at_once: None), LoopClock(0))
        found = await looking.of(SPEC)
        assert names(found) == [(PEER, "web")]
        await asyncio.sleep(61)
        server.peers_code = 403
        assert await looking.of(SPEC, found) == found, "a refusal does not send it away"
