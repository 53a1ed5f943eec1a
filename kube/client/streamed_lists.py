"""Streaming lists: a watch that begins with all that exists (WatchList, python-stack §3.7).

The server sends one object at a time from its cache, in place of pages that it has to make whole,
and a bookmark with an annotation once all are sent. Servers before 1.27, those with the feature
off, and what stands between may know nothing of it: then a paged list is what there is.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from random import Random
from typing import Any, Final

import msgspec

from kube.client.errors import BadRequest, Invalid, KubeError, TooManyRequests, Unauthorized
from kube.client.requests import Request
from kube.client.transport import ApiClient
from kube.client.watches import Event, Silent, watch
from kube.vocab.objects import UNREADABLE, Wire

PATIENCE: Final = 10.0
"""Seconds without a line after which nobody seems to know what was asked."""
_NEVER: Final = (BadRequest, Invalid, Silent)
"""What servers do that know nothing of it, or do not want it."""


class NotStreamed(KubeError):
    """There is no such list; one in pages can be had all the same."""

    def __init__(self, text: str, *, ever: bool) -> None:
        """`ever`: the server knows nothing of it, so that asking again is of no use."""
        super().__init__(text)
        self.ever = ever


class _Annotated(Wire, frozen=True):
    annotations: dict[str, Any] | None = None


class _Bookmark(Wire, frozen=True):
    metadata: _Annotated = _Annotated()


_BOOKMARK: Final = msgspec.json.Decoder(_Bookmark)


async def initial_events(
    client: ApiClient, listed: Request, random: Random
) -> AsyncGenerator[Event, None]:
    """What makes up the collection that `listed` names: changes, and the bookmark that ends them.

    Raises NotStreamed where there is no whole list to be had so, Unauthorized and TooManyRequests.
    """
    try:
        events = watch(client, listed, None, inactivity=PATIENCE, random=random)
        async with aclosing(events):
            async for event in events:
                yield event
                if event.type == "BOOKMARK":
                    _check_end(listed, event)
                    return
    except (NotStreamed, Unauthorized, TooManyRequests):
        raise
    except KubeError as error:
        # Whatever it is, among it what only watches meet (V-01): a list in pages may still do.
        raise NotStreamed(str(error), ever=isinstance(error, _NEVER)) from error
    raise NotStreamed(f"{listed.title}: the stream ended before all was sent", ever=False)


def _check_end(listed: Request, bookmark: Event) -> None:
    """Others are sent by servers that know nothing of streaming lists."""
    try:
        annotations = _BOOKMARK.decode(bookmark.object).metadata.annotations
    except UNREADABLE:
        annotations = None
    if (annotations or {}).get("k8s.io/initial-events-end") != "true":
        raise NotStreamed(f"{listed.title}: a bookmark before all was sent", ever=True)
