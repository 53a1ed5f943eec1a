"""Paged LISTs."""

from collections.abc import AsyncGenerator
from typing import Final, Generic

import msgspec
from msgspec import Struct

from kube.client.errors import Gone
from kube.client.items import T, Undecodable, decode_item
from kube.client.requests import Request
from kube.client.transport import ApiClient, Decoder
from kube.vocab.objects import ListMeta, Wire

PAGE: Final = 500
RESTARTS: Final = 3
"""How often a list whose page token expired is begun anew before giving up."""


class Page(Struct, frozen=True):
    """One page: undecoded items, and the version of the whole list."""

    items: list[msgspec.Raw]
    resource_version: str


class Listing(Struct, Generic[T], frozen=True):
    """A complete list: what could be decoded, what could not, and its version."""

    items: list[T]
    undecodable: list[Undecodable]
    resource_version: str


class _Envelope(Wire, frozen=True):
    metadata: ListMeta = ListMeta()
    # Go servers write an empty list as null.
    items: list[msgspec.Raw] | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


async def pages(
    client: ApiClient, request: Request, *, limit: int = PAGE
) -> AsyncGenerator[Page, None]:
    """The pages of a LIST, one in memory at a time.

    Raises Gone when a page token expired on the way: begin anew, nothing more comes of this one.
    Servers may ignore `limit`, then the first page is the whole list.
    """
    token = ""
    while True:
        asked = request.with_query(limit=str(limit), **({"continue": token} if token else {}))
        envelope = await client.read(asked, _ENVELOPE)
        yield Page(envelope.items or [], envelope.metadata.resource_version)
        token = envelope.metadata.continue_
        if not token:
            return


async def list_all(
    client: ApiClient, request: Request, decoder: Decoder[T], *, limit: int = PAGE
) -> Listing[T]:
    """The whole list in memory, begun anew when a page token expires. Raises as `read` does."""
    for restart in range(RESTARTS + 1):
        try:
            return await _once(client, request, decoder, limit)
        except Gone:
            if restart == RESTARTS:
                raise
    raise AssertionError("unreachable")


async def _once(client: ApiClient, request: Request, decoder: Decoder[T], limit: int) -> Listing[T]:
    items: list[T] = []
    undecodable: list[Undecodable] = []
    version = ""
    async for page in pages(client, request, limit=limit):
        version = page.resource_version
        for raw in page.items:
            item = decode_item(raw, decoder)
            if isinstance(item, Undecodable):
                undecodable.append(item)
            else:
                items.append(item)
    return Listing(items, undecodable, version)
