"""One Lease on a server, and electors that want it, each with clocks and a network of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any

from aiohttp import web

from kube.client.credentials import Credentials, Identity
from kube.client.errors import KubeError
from kube.client.leases import LeaderElection
from kube.client.transport import ApiClient
from kube.vocab.times import SECOND, LoopClock, Millis, parse_rfc3339
from tests.unit.kube.client.scripted import failure, serving

EPOCH = parse_rfc3339("2026-01-31T12:00:00Z")

Trouble = tuple[float, float, str]
"""From that second on, for so many seconds: "cut" (nothing arrives), "lost" (done, but the answer
does not come), "slow" (3 s late) or "error" (500).
"""


class OffsetClock(LoopClock):
    """A machine whose clocks are off: the wall clock by `wall` seconds, the other by `offset`."""

    def __init__(self, wall: float = 0.0, offset: float = 0.0) -> None:
        super().__init__(EPOCH + round(wall * SECOND))
        self._offset = offset

    def monotonic(self) -> float:
        return super().monotonic() + self._offset


class LeaseServer:
    """Stores Leases with the rules of an API server. The user is the bearer token."""

    def __init__(self) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.troubles: dict[str, list[Trouble]] = {}
        self.codes: list[tuple[str, int]] = []
        self._version = 100

    @property
    def lease(self) -> dict[str, Any] | None:
        """The lease named `lock`."""
        return self.leases.get("lock")

    @lease.setter
    def lease(self, gone: None) -> None:
        self.leases.pop("lock", None)

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        found: dict[str, Any] = self.lease["spec"]
        return found

    @property
    def renewed(self) -> Millis:
        return parse_rfc3339(self.spec["renewTime"])

    def edit(self, name: str = "lock", **spec: Any) -> None:
        """What `kubectl edit` does."""
        lease = self.leases[name]
        self._store(name, lease["metadata"], lease["spec"] | spec)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        user = request.headers["Authorization"].removeprefix("Bearer ")
        trouble = self._trouble(user)
        if trouble == "cut":
            await asyncio.sleep(3600)
        if trouble == "slow":
            await asyncio.sleep(3)
        if trouble == "error":
            return failure(500, "InternalError", "etcd is away")
        answer = await self._answer(request)
        self.codes.append((request.method, answer.status))
        if trouble == "lost":
            await asyncio.sleep(3600)
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        if request.method == "POST":
            name = body["metadata"]["name"]
            if name in self.leases:
                return failure(409, "AlreadyExists")
            return self._store(name, body["metadata"], body["spec"], code=201)
        name = request.path.rpartition("/")[2]
        stored = self.leases.get(name)
        if stored is None:
            return failure(404, "NotFound")
        if request.method == "PUT":
            if body["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]:
                return failure(409, "Conflict")
            return self._store(name, body["metadata"], body["spec"])
        return web.json_response(stored)

    def _store(
        self, name: str, meta: dict[str, Any], spec: dict[str, Any], code: int = 200
    ) -> web.Response:
        self._version += 1
        meta = meta | {"resourceVersion": str(self._version), "uid": "u"}
        self.leases[name] = {"kind": "Lease", "metadata": meta, "spec": spec}
        return web.json_response(self.leases[name], status=code)

    def _trouble(self, user: str) -> str:
        now = asyncio.get_running_loop().time()
        for start, length, kind in self.troubles.get(user, ()):
            if start <= now < start + length:
                return kind
        return ""


class Elector:
    """One running election."""

    def __init__(self, client: ApiClient, name: str, clock: LoopClock) -> None:
        self.told: list[bool] = []
        self.errors: list[KubeError] = []
        self.election = LeaderElection(
            client,
            "system",
            "lock",
            name,
            clock,
            on_change=self.told.append,
            on_error=self.errors.append,
            random=Random(name),
        )
        self._task = asyncio.create_task(self.election.run())

    def held(self) -> bool:
        return not self._task.done() and self.election.held()

    async def die(self) -> None:
        """No last word."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def leave(self) -> None:
        """As the daemon ends: the run is cancelled, the lease let go."""
        self._task.cancel()
        await self.election.release()


class Contest:
    """A server with electors."""

    def __init__(self, server: LeaseServer, url: str, stack: AsyncExitStack) -> None:
        self.server = server
        self._url = url
        self._stack = stack

    async def enter(self, name: str, *, wall: float = 0.0, offset: float = 0.0) -> Elector:
        """Start an elector."""
        clock = OffsetClock(wall, offset)
        credentials = Credentials(self._url, identity=Identity(f"Bearer {name}"))
        client = ApiClient(credentials, user_agent="test", qps=0, clock=clock)
        elector = Elector(client, name, clock)
        # Closed in reverse order: first the elector, then its connections.
        self._stack.push_async_callback(client.close)
        self._stack.push_async_callback(elector.die)
        return elector


@asynccontextmanager
async def contest() -> AsyncIterator[Contest]:
    """A server without a lease yet."""
    server = LeaseServer()
    async with serving(server.handle) as url, AsyncExitStack() as stack:
        yield Contest(server, url, stack)
