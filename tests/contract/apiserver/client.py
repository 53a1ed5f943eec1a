"""The contract suite's view of an API server: plain HTTP, nothing of our own client."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Answer:
    """Code, headers and decoded body of one answer."""

    def __init__(self, code: int, headers: Any, body: Any) -> None:
        self.code = code
        self.headers = headers
        self.body = body

    def __repr__(self) -> str:
        return f"Answer({self.code}, {self.body})"


def established(answer: Answer) -> bool:
    """Whether this CustomResourceDefinition has its condition Established."""
    conditions = answer.body.get("status", {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)


class WatchStream:
    """The events of one watch request."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self) -> dict[str, Any]:
        """The next event. Raises TimeoutError when none comes, EOFError at the end."""
        async with asyncio.timeout(60):
            line = await self._response.content.readline()
        if not line:
            raise EOFError("the stream has ended")
        event: dict[str, Any] = json.loads(line)
        return event

    async def rest(self) -> list[dict[str, Any]]:
        """All events up to the end of the stream."""
        events = []
        with contextlib.suppress(EOFError):
            while True:
                events.append(await self.next())
        return events


class Api:
    """A server at `base`, spoken to through `session`; tests work in `namespace`."""

    def __init__(
        self, base: str, session: aiohttp.ClientSession, compact: Callable[[], Awaitable[None]]
    ) -> None:
        """`compact` makes the server forget its history, sooner or later."""
        self.ca: Path | None = None
        self.base = base
        self.session = session
        self.compact = compact
        self.namespace = "default"

    @contextlib.asynccontextmanager
    async def as_bearer(self, token: str) -> AsyncIterator["Api"]:
        """The same server for somebody who has nothing but a token, or nothing at all."""
        tls = ssl.create_default_context(cafile=str(self.ca)) if self.ca else True
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with aiohttp.ClientSession(
            headers=headers, connector=aiohttp.TCPConnector(ssl=tls)
        ) as session:
            other = Api(self.base, session, self.compact)
            other.namespace = self.namespace
            yield other

    def path(self, plural: str, name: str = "", *, group: str = "", version: str = "v1") -> str:
        """The path of a namespaced resource."""
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Answer:
        """One request, whatever comes of it."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": content_type, "Accept": accept}
        async with self.session.request(
            method, self.base + path, data=data, headers=headers, params=query
        ) as response:
            raw = await response.read()
            found = json.loads(raw) if raw.startswith(b"{") else raw.decode()
            return Answer(response.status, response.headers, found)

    async def get(self, path: str, **options: str) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any, **options: str) -> Answer:
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any, **options: str) -> Answer:
        return await self.call("PUT", path, body, **options)

    async def patch(self, path: str, body: Any, content_type: str = MERGE, **query: str) -> Answer:
        return await self.call("PATCH", path, body, content_type=content_type, **query)

    async def delete(self, path: str, body: Any = None, **query: str) -> Answer:
        return await self.call("DELETE", path, body, **query)

    async def created(self, path: str, body: Any) -> dict[str, Any]:
        """The object that a POST made."""
        answer = await self.post(path, body)
        assert answer.code == 201, answer
        return dict(answer.body)

    async def eventually(
        self, path: str, holds: Callable[[Answer], bool], within: float = 60, **options: str
    ) -> Answer:
        """The first answer of which `holds` is true: what a server brings about in its own time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            answer = await self.get(path, **options)
            if holds(answer):
                return answer
            assert loop.time() < deadline, f"still after {within:g} s: {answer}"
            await asyncio.sleep(0.05)

    async def install(self, definition: dict[str, Any]) -> str:
        """Create a CustomResourceDefinition unless it is there; its path, once it is served."""
        made = await self.post(DEFINITIONS, definition)
        assert made.code in (201, 409), made
        path = f"{DEFINITIONS}/{definition['metadata']['name']}"
        await self.eventually(path, established)
        spec = definition["spec"]
        served = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        await self.eventually(served, lambda answer: answer.code == 200)
        return path

    @contextlib.asynccontextmanager
    async def watch(
        self, path: str, accept: str = "application/json", **query: str
    ) -> AsyncIterator[WatchStream]:
        """Follow a collection."""
        async with self.session.get(
            self.base + path, params={"watch": "true", **query}, headers={"Accept": accept}
        ) as response:
            assert response.status == 200, await response.text()
            yield WatchStream(response)
