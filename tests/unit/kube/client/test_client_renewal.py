"""Tokens that are out of date are renewed, once."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from kube.client.credentials import Credentials, Identity
from kube.client.errors import (
    Unauthorized,
)
from kube.client.requests import Patch, Resource, get_of, patch_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.scripted import Handler, client_of, failure

PODS = Resource("", "v1", "pods")
GET = get_of(PODS, "ns", "a b")
PATCH = patch_of(PODS, "ns", "p", b'{"a":1}', Patch.MERGE)


def renewing(tokens: list[str]) -> Callable[[str], Credentials]:
    """Credentials that have each of `tokens` in turn."""
    left = iter(tokens)

    async def reread() -> Identity:
        return Identity(f"Bearer {next(left)}")

    def credentials(url: str) -> Credentials:
        return Credentials(
            url, identity=Identity(f"Bearer {next(left)}"), reread=reread, clock=LoopClock(0)
        )

    return credentials


def only(token: str, calls: list[str | None]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        calls.append(request.headers.get("Authorization"))
        if calls[-1] != f"Bearer {token}":
            return failure(401, "Unauthorized", "Unauthorized")
        return web.json_response({"ok": True})

    return handler


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("request_", [GET, PATCH])
async def test_a_401_renews_the_token_once_and_asks_again(request_):
    calls: list[str | None] = []
    async with client_of(only("new", calls), renewing(["old", "new"])) as client:
        await asyncio.sleep(6)
        assert await client.send(request_) == b'{"ok": true}'
    assert calls == ["Bearer old", "Bearer new"]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_token_that_stays_refused_is_reported_after_one_renewal():
    calls: list[str | None] = []
    async with client_of(only("x", calls), renewing(["a", "b", "c"])) as client:
        await asyncio.sleep(6)
        with pytest.raises(Unauthorized, match="the token was refused"):
            await client.send(GET)
    assert calls == ["Bearer a", "Bearer b"]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_many_refused_calls_renew_once():
    calls: list[str | None] = []
    renewals = []

    async def reread():
        renewals.append(1)
        await asyncio.sleep(1)
        return Identity("Bearer new")

    def credentials(url):
        old = Identity("Bearer old")
        return Credentials(url, identity=old, reread=reread, clock=LoopClock(0))

    async with client_of(only("new", calls), credentials) as client:
        await asyncio.sleep(6)
        await asyncio.gather(*(client.send(GET) for _ in range(10)))
    assert len(renewals) == 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_watch_also_renews_its_token():
    calls: list[str | None] = []
    async with client_of(only("new", calls), renewing(["old", "new"])) as client:
        await asyncio.sleep(6)
        async with client.stream(GET) as chunks:
            assert b"".join([chunk async for chunk in chunks]) == b'{"ok": true}'
    assert calls == ["Bearer old", "Bearer new"]
