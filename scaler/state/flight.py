"""The flight recorder: an object's evaluations of an hour, its changes of reason of a day.

Bounded in number as well as in time, whatever happens. Records are packed in batches; only the
batch that is being filled is held as objects.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Final

from kube.vocab.times import SECOND, Millis
from scaler.core.record import Record, pack, unpack
from scaler.core.spec import Spec

HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
BATCH: Final = 48
MOST_RECENT: Final = 20
"""Batches of the last hour: 960 evaluations, one every 3.75 s."""
MOST_CHANGES: Final = 10
"""Batches of changes: 480 a day, one every three minutes."""
MOST_VERSIONS: Final = 16
"""Specifications kept; older records of others can no longer be replayed and are left out."""


class Flight:
    """One object's records."""

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

    def __init__(self, age: int, batches: int) -> None:
        self._age = age
        self._batches = batches
        self._packed: deque[tuple[Millis, bytes]] = deque()
        self._open: list[Record] = []

    def add(self, record: Record) -> None:
        self._open.append(record)
        if len(self._open) >= BATCH:
            self._packed.append((record.at, pack(self._open)))
            self._open = []
        while self._packed and (
            self._packed[0][0] < record.at - self._age or len(self._packed) > self._batches
        ):
            self._packed.popleft()

    def __iter__(self) -> Iterator[Record]:
        for _, batch in self._packed:
            yield from unpack(batch)
        yield from self._open
