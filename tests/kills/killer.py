"""Ends scalers as `kill -9` does, seen from where it counts: from the server.

From its death on nothing of a scaler arrives any more. What it was about to ask never does; what
was on the wire is done, and nobody hears the answer. So every moment at which a process can end is
one of these two at one of its requests.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from aiohttp import web
from msgspec import Struct

from kube.vocab.times import Millis
from tests.integration.scaler.daemon import Running
from tests.integration.scaler.gate import hang_up, token_of
from tests.integration.scaler.world import World

Fate = Literal["lost", "done"]
"""What becomes of the request at which a scaler dies."""

Wanted = Callable[[web.Request], bool]


class Death(Struct, frozen=True):
    """When a scaler ended, and at which request."""

    at: Millis
    token: str
    method: str
    path: str
    fate: Fate

    @property
    def kind(self) -> str:
        """Which moment that was, whatever the object's name."""
        *_, object, last = self.path.split("/")
        what = last if last in ("scale", "status") or self.method == "PUT" else f"{object}/…"
        return f"{self.method} {what}, {self.fate}"


class Killer:
    """Waits for a request of a scaler, and kills who makes it."""

    def __init__(self, w: World) -> None:
        self.deaths: list[Death] = []
        self._world = w
        self._dead: set[str] = set()
        self._wanted: Wanted | None = None
        self._fate: Fate = "lost"
        self._buried = asyncio.Event()
        self._ends: set[asyncio.Task[None]] = set()
        w.faults.append(self._comes)
        w.echoes.append(self._was_done)

    def lurk(self, wanted: Wanted, fate: Fate) -> None:
        """Kill the next scaler that makes a request that is `wanted`."""
        self._wanted, self._fate = wanted, fate
        self._buried.clear()

    async def done(self) -> Death:
        """Wait until that has happened, and the process is gone."""
        await self._buried.wait()
        return self.deaths[-1]

    def dead(self, token: str) -> bool:
        """Whether the scaler with that token was killed."""
        return token in self._dead

    async def _comes(self, request: web.Request) -> web.Response | None:
        if self._strikes(request, "lost"):
            self._kill(request)
        if not self.dead(token_of(request)):
            return None
        hang_up(request)
        return web.Response(status=503)

    def _was_done(self, request: web.Request) -> bool:
        if self._strikes(request, "done"):
            self._kill(request)
        return self.dead(token_of(request))

    def _strikes(self, request: web.Request, fate: Fate) -> bool:
        if self._wanted is None or self._fate != fate or self._victim(request) is None:
            return False
        return self._wanted(request)

    def _victim(self, request: web.Request) -> Running | None:
        token = token_of(request)
        found = [one for one in self._world.running if not one.over and one.token == token]
        return found[0] if found and not self.dead(token) else None

    def _kill(self, request: web.Request) -> None:
        victim = self._victim(request)
        assert victim is not None
        self._wanted = None
        self._dead.add(victim.token)
        now = self._world.clock.now()
        method, path = request.method, request.path
        self.deaths.append(Death(now, victim.token, method, path, self._fate))
        task = asyncio.create_task(self._bury(victim))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def _bury(self, victim: Running) -> None:
        await victim.kill()
        self._buried.set()


def asks(method: str, ending: str) -> Wanted:
    """Requests of one method on paths with that ending."""
    return lambda request: request.method == method and request.path.endswith(ending)


SCALE_WRITE = asks("PUT", "/scale")
STATUS_WRITE = asks("PATCH", "/status")
