"""The flight recorder: an object's evaluations of an hour, its changes of reason of a day.

Bounded in number as well as in time, whatever happens. Records are always packed: thousands of
objects keep a day in less memory than a page of charts.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Final

from kube.vocab.times import SECOND, Millis
from scaler.core.record import EMPTY, Record, append, close, unpack
from scaler.core.spec import Spec

HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
BATCH: Final = 60
MOST_RECENT: Final = 16
"""Batches of the last hour: 960 evaluations, one every 3.75 s."""
MOST_CHANGES: Final = 8
"""Batches of changes: 480 a day, one every three minutes."""
MOST_VERSIONS: Final = 16
"""Specifications kept; older records of others can no longer be replayed and are left out."""


class Flight:
    """One object's records. Slots and lists: there is one of these for each of thousands."""

    __slots__ = ("_changes", "_recent", "_rule", "_specs", "_version")

    def __init__(self) -> None:
        self._recent = _Ring(HOUR, MOST_RECENT)
        self._changes = _Ring(DAY, MOST_CHANGES)
        self._specs: dict[int, Spec] = {}
        self._version = 0
        self._rule = ""

    def version_of(self, spec: Spec) -> int:
        """The number under which `spec` is recorded."""
        if self._specs.get(self._version) != spec:
            self._version += 1
            self._specs[self._version] = spec
            self._specs.pop(self._version - MOST_VERSIONS, None)
        return self._version

    def add(self, record: Record) -> None:
        """Record an evaluation."""
        self._recent.add(record)
        if record.rule != self._rule:
            self._rule = record.rule
            self._changes.add(record)

    @property
    def size(self) -> int:
        """Bytes of packed records that are kept."""
        return self._recent.size + self._changes.size

    def records(self) -> Iterator[tuple[Record, Spec]]:
        """All that is kept, oldest first: changes of the day, and everything of the last hour."""
        recent = list(self._recent)
        start = recent[0].at if recent else 0
        for record in chain((one for one in self._changes if one.at < start), recent):
            spec = self._specs.get(record.version)
            if spec is not None:
                yield record, spec


class _Ring:
    """Records in batches, the oldest of which go by age and by number."""

    __slots__ = ("_age", "_batches", "_closed", "_filled", "_open", "_packed")

    def __init__(self, age: int, batches: int) -> None:
        self._age = age
        self._batches = batches
        self._packed: list[tuple[Millis, bytes]] = []
        self._closed = 0
        self._open = EMPTY
        self._filled = 0

    @property
    def size(self) -> int:
        """Bytes of all batches."""
        return self._closed + len(self._open)

    def add(self, record: Record) -> None:
        self._open = append(self._open, record)
        self._filled += 1
        if self._filled >= BATCH:
            batch = close(self._open)
            self._packed.append((record.at, batch))
            self._closed += len(batch)
            self._open, self._filled = EMPTY, 0
        while self._packed and (
            self._packed[0][0] < record.at - self._age or len(self._packed) > self._batches
        ):
            self._closed -= len(self._packed.pop(0)[1])

    def __iter__(self) -> Iterator[Record]:
        for _, batch in self._packed:
            yield from unpack(batch)
        yield from unpack(self._open)
