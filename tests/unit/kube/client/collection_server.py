"""A collection on a server whose storage can be edited, cut off, aged out and moved."""

import asyncio
from typing import Any

from aiohttp import web

from tests.unit.kube.client.scripted import failure, line, listing, status, streaming, widget

Fault = web.Response | str | None
"""An answer, "cut", "end" (at once), "garbage", "hang", or None for none."""


class CollectionServer:
    """Lists with paging and watches with versions; faults are switched on by attributes.

    Where it `streams` lists, they are among `lists` too, and meet the same faults.

    `after_move` says what a watch from a version the moved storage never had gets: "too_large"
    (an ERROR event), "silent" (nothing, as upstream servers do) or "gone".
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.version = 1000
        self.oldest = 0
        self.streams = False
        self.after_move = "too_large"
        self.failing_lists: list[Fault] = []
        self.failing_watches: list[Fault] = []
        self.lists: list[dict[str, str]] = []
        self.listed_at: list[float] = []
        """When an attempt of a list, streamed or not, was made, by the loop's time."""
        self.watches: list[dict[str, str]] = []
        self._log: list[tuple[int, bytes]] = []
        self._streams: list[web.Request] = []
        self._grown = asyncio.Event()
        self._uids = 0

    def put(self, name: str, size: Any = 1) -> None:
        """Create or change an object."""
        known = self.objects.get(name)
        if known is None:
            self._uids += 1
        uid = known["metadata"]["uid"] if known else f"u{self._uids}"
        self.version += 1
        self.objects[name] = widget(name, str(self.version), size, uid)
        self._append("MODIFIED" if known else "ADDED", self.objects[name])

    def delete(self, name: str) -> None:
        """Delete an object; its last event carries the version of the deletion."""
        gone = self.objects.pop(name, None)
        if gone is not None:
            self.version += 1
            meta = gone["metadata"] | {"resourceVersion": str(self.version)}
            self._append("DELETED", gone | {"metadata": meta})

    def bookmark(self) -> None:
        """Tell watchers the version without a change."""
        self.version += 1
        self._append("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def cut(self) -> None:
        """Break all watch connections."""
        for request in list(self._streams):
            if request.transport is not None:
                request.transport.abort()

    def forget(self) -> None:
        """Compact: versions up to now can no longer be watched from."""
        self._log.clear()
        self.oldest = self.version

    def move(self, back: int) -> None:
        """Another storage takes over, with smaller versions and a history of its own (V-02)."""
        self.cut()
        self._log.clear()
        self.version = self.oldest = max(1, self.version - back)

    def view(self) -> dict[str, str]:
        """Name to version, what every mirror must end at."""
        return {name: obj["metadata"]["resourceVersion"] for name, obj in self.objects.items()}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a LIST or a WATCH."""
        if "sendInitialEvents" in request.query:
            return await self._stream(request)
        if request.query.get("watch") == "true":
            self.watches.append(dict(request.query))
            return await self._watch(request)
        self.lists.append(dict(request.query))
        self.listed_at.append(asyncio.get_running_loop().time())
        return await self._list(request)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if self.failing_lists and (fault := await self._fault(request, self.failing_lists.pop(0))):
            return fault
        names = sorted(self.objects)
        start = int(request.query.get("continue", "0"))
        end = start + int(request.query.get("limit", "500"))
        page = [self.objects[name] for name in names[start:end]]
        return listing(page, str(self.version), str(end) if end < len(names) else "")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if not self.streams:
            why = "sendInitialEvents is forbidden for watch unless the WatchList feature is enabled"
            return failure(422, "Invalid", why)
        self.lists.append(dict(request.query))
        self.listed_at.append(asyncio.get_running_loop().time())
        if self.failing_lists and (fault := await self._fault(request, self.failing_lists.pop(0))):
            return fault
        lines = [line("ADDED", self.objects[name]) for name in sorted(self.objects)]
        end = {"k8s.io/initial-events-end": "true"}
        meta = {"resourceVersion": str(self.version), "annotations": end}
        return await streaming(request, *lines, line("BOOKMARK", {"metadata": meta}))

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if self.failing_watches:
            fault = await self._fault(request, self.failing_watches.pop(0))
            if fault:
                return fault
        since = int(request.query["resourceVersion"])
        if since < self.oldest:
            return failure(410, "Expired", "too old resource version")
        if since > self.version and self.after_move == "gone":
            return failure(410, "Gone", "gone")
        if since > self.version and self.after_move == "too_large":
            error = status(504, "Timeout", f"Too large resource version: {since}")
            return await streaming(request, line("ERROR", error))
        return await self._follow(request, since)

    async def _follow(self, request: web.Request, since: int) -> web.StreamResponse:
        response = await streaming(request)
        self._streams.append(request)
        ends = asyncio.get_running_loop().time() + int(request.query["timeoutSeconds"])
        sent = since
        try:
            while True:
                for version, data in list(self._log):
                    if version > sent:
                        sent = version
                        await response.write(data)
                grown = self._grown
                try:
                    async with asyncio.timeout_at(ends):
                        await grown.wait()
                except TimeoutError:
                    return response
        except ConnectionError:
            return response
        finally:
            self._streams.remove(request)

    async def _fault(self, request: web.Request, fault: Fault) -> web.StreamResponse | None:
        """The faulty answer, None to answer well."""
        if fault == "cut" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if fault == "garbage":
            return web.Response(text="<html>proxy</html>\n", content_type="text/html")
        if fault == "end":
            return web.Response()
        if fault == "hang":
            await asyncio.sleep(3600)
        return fault if isinstance(fault, web.Response) else None

    def _append(self, kind: str, obj: dict[str, Any]) -> None:
        self._log.append((self.version, line(kind, obj)))
        self._grown.set()
        self._grown = asyncio.Event()
