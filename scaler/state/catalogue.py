"""The autoscalers that exist, each with its memory: what the list-watch feeds and evaluations use.

An entry belongs to one object (by uid). Its status in here is ahead of the server's: what the watch
brings back of our own writes is not looked at again.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import Struct, field

from kube.client.items import Key, Undecodable
from kube.vocab.objects import UNREADABLE, Wire
from kube.vocab.times import Millis
from scaler.core.conditions import Applied
from scaler.core.metric_spec import InvalidSpec
from scaler.core.observed import Memory
from scaler.core.rivals import Claim, TargetKey, target_key
from scaler.core.spec import Spec, read_spec
from scaler.core.trace import Decision
from scaler.core.views import View
from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.state.flight import Flight


class _StatusAlone(Wire, frozen=True):
    """As much of an object as there is to save where its specification cannot be read."""

    status: AutoscalerStatus = AutoscalerStatus()


_STATUS_ALONE: Final = msgspec.json.Decoder(_StatusAlone)


class Evaluated(Struct, frozen=True):
    """The last evaluation of an entry: on what specification, to what end."""

    spec: Spec
    decision: Decision
    applied: Applied


class Entry(Struct, eq=False):
    """One autoscaler. `refusal` says why it cannot be evaluated, "" where it can.

    `status` is the newest status, `written` the one that the server is known to have.
    """

    autoscaler: Autoscaler
    spec: Spec | None
    refusal: str
    status: AutoscalerStatus
    written: AutoscalerStatus | None
    written_at: Millis = 0
    memory: Memory | None = None
    jumped: Millis = 0
    """How far the clock had jumped in total when `memory` was made."""
    known: int | None = None
    """The target's count as we left it; None while that is not known."""
    last: Evaluated | None = None
    view: View = View()
    """How its pods differed from its target's count lately (V-07)."""
    rivals: tuple[Claim, ...] = ()
    """Who else was found to set the target's count (D37)."""
    flight: Flight = field(default_factory=Flight)
    """What was evaluated, to be looked at later."""
    refused_generation: int = -1
    attributes_told: tuple[int, str] = (0, "")
    """The generation and the trouble with its log attributes that was logged last (U39)."""
    upscaled: int = 0
    downscaled: int = 0
    direction: int = 0
    """Of its last scaling: 1 up, -1 down, 0 for none since the start."""
    reversals: int = 0
    due: float = 0.0
    """Monotonic time of its next turn."""
    asked: float = 0.0
    """Monotonic time from which on the evaluation under way was due."""
    rests_until: float = 0.0
    """Monotonic time before which its turns pass: a monitor blocks it (§19)."""
    running: bool = False
    hung: bool = False
    """Its last evaluation, or the one under way, waits for something that does not answer."""
    again: bool = False
    deleted: bool = False
    """The object is gone; an evaluation that still runs has nothing left to do."""

    def scaled(self, change: int) -> None:
        """Count a scaling by `change` replicas, and whether it went back on the one before."""
        self.upscaled += max(0, change)
        self.downscaled += max(0, -change)
        direction = 1 if change > 0 else -1
        self.reversals += self.direction == -direction
        self.direction = direction

    @property
    def leaving(self) -> bool:
        """Whether the object is being deleted, however long others hold it, or is gone."""
        return self.deleted or self.autoscaler.metadata.deletion_timestamp is not None

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.autoscaler.metadata.namespace, self.autoscaler.metadata.name

    @property
    def title(self) -> str:
        """`namespace/name`, as logs and pages name it."""
        return "/".join(self.key)


class Catalogue:
    """Entries by key; fed by the autoscalers' reflectors, each through a `Feed`."""

    def __init__(
        self,
        on_due: Callable[[Key, bool], None],
        *,
        on_gone: Callable[[str], None] = lambda _: None,
        lists: int = 1,
    ) -> None:
        """`on_due` hears of objects to evaluate, with True when at once rather than in their turn.

        `on_gone` hears the uids of those that are gone. `lists` is the number of reflectors that
        feed the catalogue.
        """
        self._entries: Final[dict[Key, Entry]] = {}
        self._by_target: Final[dict[TargetKey, dict[Key, Spec]]] = {}
        self._on_due = on_due
        self._on_gone = on_gone
        self._lists_missing = lists

    @property
    def synced(self) -> bool:
        """Whether every reflector's first list is in."""
        return self._lists_missing <= 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, key: Key) -> Entry | None:
        """The entry of `key`, None where there is no such object."""
        return self._entries.get(key)

    def on_target(self, target: TargetKey) -> tuple[Spec, ...]:
        """The valid specifications whose target is this one."""
        return tuple(self._by_target.get(target, {}).values())

    def forget(self, concerned: Callable[[str], bool] = lambda _: True) -> None:
        """Whoever led meanwhile has moved on: what counts is what the objects say (D15).

        Only of the objects whose uid is `concerned`.
        """
        for entry in self:
            if not concerned(entry.autoscaler.metadata.uid):
                continue
            entry.status = entry.written = entry.autoscaler.status
            entry.memory = entry.last = entry.known = None
            entry.view = View()
            entry.rests_until = 0.0

    def on_added(self, key: Key, item: Autoscaler | Undecodable) -> None:
        """A new object: at once, except in the first list, where thousands would be due at once."""
        self._entries[key] = entry = _entry(item)
        self._point(key, None, entry.spec)
        self._on_due(key, self.synced)

    def on_changed(self, key: Key, item: Autoscaler | Undecodable) -> None:
        """Another version: evaluated at once if what it asks for is different."""
        entry, fresh = self._entries[key], _entry(item)
        deleting = fresh.autoscaler.metadata.deletion_timestamp is not None
        different = (entry.spec, entry.refusal) != (fresh.spec, fresh.refusal)
        self._point(key, entry.spec, fresh.spec)
        entry.autoscaler, entry.spec, entry.refusal = fresh.autoscaler, fresh.spec, fresh.refusal
        if different or deleting:
            self._on_due(key, True)

    def on_deleted(self, key: Key) -> None:
        """The object is gone, and with it all that was remembered of it."""
        entry = self._entries.pop(key)
        entry.deleted = True
        self._point(key, entry.spec, None)
        self._on_gone(entry.autoscaler.metadata.uid)

    def on_synced(self) -> None:
        """A complete list is in."""
        self._lists_missing -= 1

    def _point(self, key: Key, before: Spec | None, after: Spec | None) -> None:
        """Keep the index by target: `key` pointed at the target of `before`, now of `after`."""
        if before is not None:
            target = target_key(before.namespace, before.target)
            pointing = self._by_target[target]
            del pointing[key]
            if not pointing:
                del self._by_target[target]
        if after is not None:
            target = target_key(after.namespace, after.target)
            self._by_target.setdefault(target, {})[key] = after


def _entry(item: Autoscaler | Undecodable) -> Entry:
    if isinstance(item, Undecodable):
        refusal = f"the object does not fit the WatermarkPodAutoscaler schema: {item.error}"
        status = _status_of(item)
        bare = Autoscaler(metadata=item.metadata, status=status or AutoscalerStatus())
        return Entry(bare, None, refusal, bare.status, status)
    try:
        spec, refusal = read_spec(item), ""
    except InvalidSpec as error:
        spec, refusal = None, str(error)
    return Entry(item, spec, refusal, item.status, item.status)


def _status_of(item: Undecodable) -> AutoscalerStatus | None:
    """What an undecodable object remembers, None where that is what does not fit (D24)."""
    try:
        return _STATUS_ALONE.decode(item.body).status
    except UNREADABLE:
        return None
