"""Lists in pages: every page of one list shows the same moment, however long the reader takes.

The remaining objects of a list are kept until it is the oldest of `capacity` open lists; a token
for what is no longer kept is answered with 410, as the real server does after a compaction.
"""

import base64
import binascii
from collections import OrderedDict
from typing import Final

import msgspec
from msgspec import Struct

from sandbox.apiserver.kinds.resources import Object
from sandbox.apiserver.storage.errors import BadRequest, Gone
from sandbox.apiserver.storage.store import Store

_OPEN_LISTS: Final = 64


class Page(Struct, frozen=True):
    """Some objects, the version they are of, and where it goes on."""

    objects: list[Object]
    version: int
    continue_: str = ""
    remaining: int = 0


class _Token(Struct, frozen=True):
    id: int
    start: int


class _Snapshot(Struct, frozen=True):
    objects: list[Object]
    version: int
    compactions: int


class Pages:
    """The lists that are being read page by page."""

    def __init__(self, store: Store, capacity: int = _OPEN_LISTS) -> None:
        self._store = store
        self._capacity = capacity
        self._snapshots: OrderedDict[int, _Snapshot] = OrderedDict()
        self._last = 0

    def first(self, objects: list[Object], limit: int) -> Page:
        """The first page of the store's current `objects`; without a limit, all of them."""
        snapshot = _Snapshot(objects, self._store.version, self._store.compactions)
        if not limit or len(objects) <= limit:
            return Page(objects, snapshot.version)
        self._last += 1
        self._snapshots[self._last] = snapshot
        if len(self._snapshots) > self._capacity:
            self._snapshots.popitem(last=False)
        return _cut(snapshot, self._last, 0, limit)

    def following(self, text: str, limit: int) -> Page:
        """The page that a continue token asks for. Raises BadRequest or Gone."""
        token = _read(text)
        snapshot = self._snapshots.get(token.id)
        if snapshot is None or snapshot.compactions != self._store.compactions:
            raise Gone(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter."
            )
        return _cut(snapshot, token.id, token.start, limit)


def _cut(snapshot: _Snapshot, number: int, start: int, limit: int) -> Page:
    end = start + limit if limit else len(snapshot.objects)
    rest = max(len(snapshot.objects) - end, 0)
    token = _written(_Token(number, end)) if rest else ""
    return Page(snapshot.objects[start:end], snapshot.version, token, rest)


def _written(token: _Token) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def _read(text: str) -> _Token:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=_Token)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise BadRequest(f'continue key is not valid: "{text[:40]}"') from None
