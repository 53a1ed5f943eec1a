"""The pods of one namespace as API servers tell them whose storage is exchanged (scenarios §3.4).

It stands before a sandbox's API server and answers everything that is asked about pods there.
"""

import asyncio
import json
from collections.abc import Sequence
from itertools import cycle
from typing import Any, Literal

from aiohttp import web
from msgspec import Struct

from kube.vocab.times import Clock, Millis
from tests.unit.kube.client.scripted import failure, line, status, streaming

Object = dict[str, Any]

FutureVersion = Literal["told", "silent", "late", "gone"]
"""What a server says to a version that its storage never had: an ERROR event as Ant's patched
servers, nothing as upstream's, HTTP 504 after three seconds, or 410.
"""
BLOCKED = 3.0
"""Seconds for which a server waits that a version comes after all."""


class Asked(Struct, frozen=True):
    """One request about pods."""

    at: Millis
    agent: str
    verb: Literal["list", "watch"]
    version: str
    """The resourceVersion that was asked for; empty is the newest."""


class Storage:
    """One etcd's pods, with versions of its own."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.pods: dict[str, Object] = {}
        self.log: list[tuple[int, bytes]] = []
        self.grown = asyncio.Event()

    def add(self, pod: Object, version: int) -> None:
        """Store a pod and tell watchers."""
        pod = pod | {"metadata": pod["metadata"] | {"resourceVersion": str(version)}}
        self.pods[pod["metadata"]["name"]] = pod
        self._tell("ADDED", pod, version)

    def delete(self, name: str, version: int, *, told: bool = True) -> None:
        """Drop a pod; with `told` off no watcher ever hears of it."""
        pod = self.pods.pop(name)
        self.version = version
        if told:
            meta = pod["metadata"] | {"resourceVersion": str(version)}
            self._tell("DELETED", pod | {"metadata": meta}, version)

    def bookmark(self, version: int) -> None:
        """Tell watchers how far they are."""
        self._tell("BOOKMARK", {"metadata": {"resourceVersion": str(version)}}, version)

    def view(self) -> dict[str, str]:
        """Name to version."""
        return {name: pod["metadata"]["resourceVersion"] for name, pod in self.pods.items()}

    def _tell(self, kind: str, obj: Object, version: int) -> None:
        self.version = version
        self.log.append((version, line(kind, obj)))
        self.grown.set()
        self.grown = asyncio.Event()


class PodsApi:
    """Answers lists and watches of pods from one storage, or from several in turn, request by
    request, as behind one address.
    """

    def __init__(self, clock: Clock, path: str, storage: Storage) -> None:
        self.future: FutureVersion = "told"
        self.asked: list[Asked] = []
        self._clock = clock
        self._path = path
        self._turns: dict[str, Any] = {}
        self._storages: Sequence[Storage] = (storage,)

    def serve(self, *storages: Storage) -> None:
        """From these from now on; each client begins with the first."""
        self._storages = storages
        self._turns.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse | None:
        """A fault of the world's gate: None for what is not about pods."""
        if request.path != self._path or request.method != "GET":
            return None
        agent, version = request.headers["User-Agent"], request.query.get("resourceVersion", "")
        if "sendInitialEvents" in request.query:
            return failure(422, "Invalid", "sendInitialEvents is forbidden for watch")
        watches = request.query.get("watch") == "true"
        self.asked.append(Asked(self._clock.now(), agent, "watch" if watches else "list", version))
        turn = self._turns.setdefault(agent, cycle(self._storages))
        storage: Storage = next(turn)
        if version and int(version) > storage.version:
            return await self._too_large(request, storage, int(version), watches)
        if watches:
            return await self._watch(request, storage, int(version))
        return _listed(storage)

    async def _too_large(
        self, request: web.Request, storage: Storage, version: int, watches: bool
    ) -> web.StreamResponse:
        text = f"Too large resource version: {version}, current: {storage.version}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        details: dict[str, Any] = {"retryAfterSeconds": 1, "causes": [cause]}
        if self.future == "gone":
            return failure(410, "Expired", "The resourceVersion for the provided watch is too old.")
        if watches and self.future == "told":
            return await streaming(request, line("ERROR", status(504, "Timeout", text, **details)))
        if watches and self.future == "silent":
            return await self._watch(request, storage, version)
        await asyncio.sleep(BLOCKED)
        answer = failure(504, "Timeout", text, **details)
        answer.headers["Retry-After"] = "1"
        return answer

    async def _watch(
        self, request: web.Request, storage: Storage, since: int
    ) -> web.StreamResponse:
        response = await streaming(request)
        ends = asyncio.get_running_loop().time() + int(request.query["timeoutSeconds"])
        told = 0
        try:
            while True:
                for version, data in storage.log[told:]:
                    # As upstream's cache: what is not newer than the version asked for is dropped.
                    if version > since:
                        await response.write(data)
                told = len(storage.log)
                grown = storage.grown
                async with asyncio.timeout_at(ends):
                    await grown.wait()
        except (TimeoutError, ConnectionError):
            return response


def _listed(storage: Storage) -> web.Response:
    body = {
        "kind": "PodList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": str(storage.version)},
        "items": [storage.pods[name] for name in sorted(storage.pods)],
    }
    return web.Response(body=json.dumps(body).encode(), content_type="application/json")
