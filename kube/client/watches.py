"""One watch connection: lines to events.

The server is asked to end it after 240 to 300 s, drawn so that a fleet does not come back at
once. A connection that says nothing for too long is given up, since a half-open one and a server
whose versions went backwards are both silent for ever (python-stack §3.8, V-04); only a whole
line counts as a word. However a connection ends, a cut in the middle of a line included, the
caller goes on from the last version it saw.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from random import Random
from typing import Final, Literal

import msgspec
from msgspec import Struct

from kube.client.errors import BadAnswer, KubeError, Unreachable, error_of_status
from kube.client.requests import PARTIAL_LIST, PARTIAL_OBJECT, Request
from kube.client.transport import ApiClient
from kube.vocab.objects import UNREADABLE, Status

Change = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

SERVER_TIMEOUT: Final = (240, 300)
LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes of one event; etcd stores far less, so more is not this protocol."""

_RETRYING_ENDS: Final = {"reset", "timeout"}


class Event(Struct, frozen=True):
    """One event; `object` is undecoded."""

    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"null")


class Silent(KubeError):
    """Not a line came within the deadline."""

    retryable = True


_EVENT: Final = msgspec.json.Decoder(Event)
_STATUS: Final = msgspec.json.Decoder(Status)


def watch_of(listed: Request, resource_version: str, timeout_seconds: int) -> Request:
    """The watch that goes on where the list `listed` ended."""
    query = dict(listed.query) | {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(timeout_seconds),
    }
    query.pop("limit", None)
    return Request(
        operation="watch",
        path=listed.path,
        query=tuple((key, value) for key, value in query.items() if value),
        accept=PARTIAL_OBJECT if listed.accept == PARTIAL_LIST else listed.accept,
        resource=listed.resource,
    )


def stream_of(listed: Request, timeout_seconds: int) -> Request:
    """The watch that begins with all that the list `listed` would hold."""
    request = watch_of(listed, "", timeout_seconds)
    return request.with_query(sendInitialEvents="true", resourceVersionMatch="NotOlderThan")


async def watch(
    client: ApiClient,
    listed: Request,
    resource_version: str | None,
    *,
    inactivity: float,
    random: Random,
) -> AsyncGenerator[Event, None]:
    """The events after `resource_version`, until the connection ends; None asks for all that exists
    first, as a streaming list.

    Raises Silent after `inactivity` seconds without a line, the error an ERROR event carries (Gone,
    TooLargeResourceVersion, …), BadAnswer for a line that is no event, and what opening raises.
    """
    lasts = random.randint(*SERVER_TIMEOUT)
    request = (
        stream_of(listed, lasts)
        if resource_version is None
        else watch_of(listed, resource_version, lasts)
    )
    async with (
        client.stream(request) as chunks,
        aclosing(_lines(request, chunks, inactivity)) as lines,
    ):
        async for line in lines:
            try:
                event = _EVENT.decode(line)
                if event.type != "ERROR":
                    yield event
                    continue
                status = _STATUS.decode(event.object)
            except UNREADABLE as error:
                raise BadAnswer(request.title, f"watch event: {error}") from error
            raise error_of_status(request.title, status)


async def _lines(
    request: Request, chunks: AsyncIterator[bytes], inactivity: float
) -> AsyncGenerator[bytes, None]:
    """Whole lines; a cut ends them, and the piece before it is dropped."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + inactivity
    pieces: list[bytes] = []
    held = 0
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, b"")
        except TimeoutError as error:
            raise Silent(f"{request.title}: not a word for {inactivity:g} s") from error
        except Unreachable as error:
            if error.trouble in _RETRYING_ENDS:
                return
            raise
        if not chunk:
            return
        first, *rest = chunk.split(b"\n")
        pieces.append(first)
        held += len(first)
        if held > LONGEST_LINE:
            raise BadAnswer(request.title, f"a watch line longer than {LONGEST_LINE} bytes")
        for piece in rest:
            line = b"".join(pieces)
            pieces, held = [piece], len(piece)
            if line.strip():
                # The consumer's own time does not count as the server's silence.
                yield line
                deadline = loop.time() + inactivity
