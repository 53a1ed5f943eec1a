"""What a sink was told of a collection, and the differences it has to be told next.

Only each object's uid and version are kept, so a mirror of a million objects stays small. Versions
are compared for equality alone: after a move of the storage they run backwards (V-02, V-03).
"""

from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from kube.client.items import Key, KubeObject, Undecodable, key_of

T = TypeVar("T", bound=KubeObject)
T_contra = TypeVar("T_contra", contravariant=True)

Version = tuple[str, str]
"""uid and resourceVersion."""


class Sink(Protocol[T_contra]):
    """Where a collection is mirrored to. Called in the event loop, in order; must not block.

    What a call raises is counted and does not stop the others.
    """

    def on_added(self, key: Key, item: T_contra | Undecodable) -> None:
        """An object that was not there before."""
        ...

    def on_changed(self, key: Key, item: T_contra | Undecodable) -> None:
        """Another version of an object that is there."""
        ...

    def on_deleted(self, key: Key) -> None:
        """The object is gone. One that was replaced by another uid is deleted, then added."""
        ...

    def on_synced(self) -> None:
        """A complete list is in: after the first one, and after each relist."""
        ...


class Mirror(Generic[T]):
    """Feeds one sink from lists and events."""

    def __init__(self, sink: Sink[T], on_sink_error: Callable[[Exception], None]) -> None:
        self._sink: Final = sink
        self._on_sink_error = on_sink_error
        self._versions: dict[Key, Version] = {}
        self._listed: set[Key] = set()
        self._undecodable: set[Key] = set()

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def undecodable(self) -> int:
        """Objects that are there and do not fit."""
        return len(self._undecodable)

    def begin_list(self) -> None:
        """A list starts; also when the one before was broken off."""
        self._listed = set()

    def listed(self, item: T | Undecodable) -> None:
        """One item of the list. Told at once, so that a list needs one page of memory."""
        self.put(item)
        self._listed.add(key_of(item))

    def end_list(self) -> None:
        """The list is complete: what it did not name is gone."""
        for key in [key for key in self._versions if key not in self._listed]:
            self.drop(key)
        self._listed = set()
        self._tell(self._sink.on_synced)

    def put(self, item: T | Undecodable) -> None:
        """The object is there in this version."""
        key, meta = key_of(item), item.metadata
        version, known = (meta.uid, meta.resource_version), self._versions.get(key)
        if known == version:
            return
        if known is not None and known[0] != meta.uid:
            self.drop(key)
            known = None
        self._versions[key] = version
        if isinstance(item, Undecodable):
            self._undecodable.add(key)
        else:
            self._undecodable.discard(key)
        told = self._sink.on_added if known is None else self._sink.on_changed
        self._tell(lambda: told(key, item))

    def drop(self, key: Key) -> None:
        """The object is gone; unknown ones were never told of."""
        self._listed.discard(key)
        if self._versions.pop(key, None) is not None:
            self._undecodable.discard(key)
            self._tell(lambda: self._sink.on_deleted(key))

    def _tell(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # one poisoned object must not stop the rest
            self._on_sink_error(error)
