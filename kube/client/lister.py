"""Complete lists into a mirror: streamed where the server does that, in pages elsewhere."""

from collections.abc import Callable
from contextlib import aclosing
from random import Random
from typing import Generic, TypeVar

from kube.client.errors import BadAnswer
from kube.client.items import KubeObject, Undecodable, decode_item, identity_of, key_of
from kube.client.lists import pages
from kube.client.mirror import Mirror
from kube.client.requests import Request
from kube.client.streamed_lists import NotStreamed, initial_events
from kube.client.transport import ApiClient, Decoder
from kube.client.watches import Event

T = TypeVar("T", bound=KubeObject)


class Lister(Generic[T]):
    """Lists the collection that `request` names. Neither way holds more than a page in memory."""

    def __init__(
        self,
        client: ApiClient,
        request: Request,
        decoder: Decoder[T],
        mirror: Mirror[T],
        *,
        limit: int,
        random: Random,
        on_error: Callable[[Exception], None],
    ) -> None:
        """`on_error` hears of each object without a name: nobody can be told of it."""
        self.streamed = 0
        """Lists that came as a stream."""
        self._streams = True
        self._client = client
        self._request = request
        self._decoder = decoder
        self._mirror = mirror
        self._limit = limit
        self._random = random
        self._on_error = on_error

    async def fill(self, *, trusting: bool) -> str:
        """Make the mirror equal to the collection; returns the version to watch from.

        A stream comes from the cache that serves watches: only for who is `trusting` it. Raises
        what the server says, with the mirror as full as it came.
        """
        version = await self._streamed() if trusting and self._streams else None
        if version is None:
            version = await self._paged()
        self._mirror.end_list()
        return version

    async def _streamed(self) -> str | None:
        self._mirror.begin_list()
        version = ""
        try:
            async with aclosing(initial_events(self._client, self._request, self._random)) as all_:
                async for event in all_:
                    version = self._take(event)
        except NotStreamed as error:
            self._streams = not error.ever
            return None
        self.streamed += 1
        return version

    async def _paged(self) -> str:
        self._mirror.begin_list()
        version = ""
        # The version stays unset: the newest state, whatever the storage counts (V-01).
        async with aclosing(pages(self._client, self._request, limit=self._limit)) as all_pages:
            async for page in all_pages:
                version = page.resource_version
                for raw in page.items:
                    self._listed(decode_item(raw, self._decoder))
        return version

    def _listed(self, item: T | Undecodable) -> None:
        if item.metadata.name:
            self._mirror.listed(item)
        else:
            self._on_error(BadAnswer(self._request.title, "an object without a name"))

    def _take(self, event: Event) -> str:
        """One event; returns the version it carries."""
        if event.type == "BOOKMARK":
            return identity_of(event.object).resource_version
        item = decode_item(event.object, self._decoder)
        if event.type == "DELETED":
            self._mirror.drop(key_of(item))
        else:
            self._listed(item)
        return item.metadata.resource_version
