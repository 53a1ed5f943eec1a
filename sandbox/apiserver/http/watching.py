"""WATCH: a stream of JSON lines that ends with its timeout, the client or the server."""

import asyncio
import contextlib
from typing import Any, Final

import msgspec
from aiohttp import web

from sandbox.apiserver.http.options import ListOptions, list_options
from sandbox.apiserver.http.representation import Form, event_body, requested_form
from sandbox.apiserver.http.requestinfo import RequestInfo
from sandbox.apiserver.kinds.resources import Object, Resource
from sandbox.apiserver.storage.errors import ApiError, Gone
from sandbox.apiserver.storage.history import Event, Watch
from sandbox.apiserver.storage.store import Store

_ENCODER: Final = msgspec.json.Encoder()
_BOOKMARK_SECONDS: Final = 60.0
_SHORTEST_WAIT: Final = 0.001
_INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"


class Watches:
    """The watches that are being served; `close` ends them all when the server stops."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[Watch] = set()

    async def close(self) -> None:
        """End every stream."""
        for watch in tuple(self._open):
            watch.close()

    async def serve(
        self, request: web.Request, resource: Resource, info: RequestInfo
    ) -> web.StreamResponse:
        """Answer one watch request. Raises BadRequest, Invalid or NotAcceptable before it starts.

        A version that is too old is told as an ERROR event, as the real server does.
        """
        options = list_options(request.query, resource, watch=True)
        stream = _Stream(request, requested_form(request), resource, self._store, options)
        await stream.begin()
        namespace = info.namespace if resource.namespaced else None
        resumes = options.version not in (None, 0) and not options.send_initial_events
        since = options.version if resumes else None
        try:
            watch = self._store.watch(resource, namespace, since, options.selector, options.fields)
        except Gone as error:
            await stream.fail(error)
            return stream.response
        self._open.add(watch)
        try:
            await stream.follow(watch)
        except Gone as error:
            await stream.fail(error)
        except ConnectionResetError:
            pass  # the client went away, which is how watches normally end
        finally:
            self._open.discard(watch)
            watch.close()
        return stream.response


class _Stream:
    """One answer that is being written."""

    def __init__(
        self,
        request: web.Request,
        form: Form,
        resource: Resource,
        store: Store,
        options: ListOptions,
    ) -> None:
        self.response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self._request = request
        self._form = form
        self._resource = resource
        self._store = store
        self._options = options
        self._first = True

    async def begin(self) -> None:
        """Send the headers."""
        self.response.enable_chunked_encoding()
        await self.response.prepare(self._request)

    async def follow(self, watch: Watch) -> None:
        """Write events and bookmarks until the time is up or the watch closed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._options.timeout_seconds
        next_bookmark = loop.time() + _BOOKMARK_SECONDS
        await self._write(await watch.batch(0))
        # A watch from no version is one with initial events, and ends those as such.
        initial = self._options.send_initial_events or self._options.version in (None, 0)
        if initial and self._options.bookmarks:
            await self._send([self._bookmark({_INITIAL_EVENTS_END: "true"})])
        while not watch.closed and (now := loop.time()) < end:
            # Not less: the loop's clock may stand still for what is left by rounding alone.
            wait = max(min(end, next_bookmark) - now, _SHORTEST_WAIT)
            await self._write(await watch.batch(wait))
            if loop.time() >= next_bookmark:
                next_bookmark = loop.time() + _BOOKMARK_SECONDS
                if self._options.bookmarks:
                    await self._send([self._bookmark({})])
        with contextlib.suppress(ConnectionResetError):
            await self.response.write_eof()

    async def fail(self, error: ApiError) -> None:
        """Write the failure as the last event."""
        await self._send([{"type": "ERROR", "object": error.status()}])

    async def _write(self, events: list[Event]) -> None:
        lines = []
        for event in events:
            body = event_body(
                self._form, self._resource, _versioned(event), self._store.clock.now(),
                first=self._first,
            )  # fmt: skip
            self._first = False
            lines.append({"type": event.type, "object": body})
        await self._send(lines)

    async def _send(self, lines: list[Any]) -> None:
        if lines:
            await self.response.write(b"".join(_ENCODER.encode(line) + b"\n" for line in lines))

    def _bookmark(self, annotations: dict[str, str]) -> Object:
        meta: Object = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        resource = self._resource
        if self._form.is_table:
            body = event_body(
                self._form, resource, {"metadata": meta | {"name": ""}},
                self._store.clock.now(), first=self._first,
            )  # fmt: skip
        else:
            body = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        return {"type": "BOOKMARK", "object": body}


def _versioned(event: Event) -> Object:
    """The object as of the event: one that left the selection carries the version of leaving."""
    meta = event.object["metadata"]
    if meta["resourceVersion"] == str(event.version):
        return event.object
    return {**event.object, "metadata": {**meta, "resourceVersion": str(event.version)}}
