"""Answers ready to hand out, in bounded memory."""

import copy
from collections.abc import Iterator
from typing import Final, Literal

from adapter.core.documents import renamed, value_list
from adapter.core.policy import stale_for
from adapter.core.question import Policy, Question
from adapter.core.results import Absence, Answer, UpstreamError

_OVERHEAD: Final = 2000
_EMPTIED_TO: Final = 0.9
_LATE: Final = 0.25
"""Seconds by which a background refresh may come late, at most a tenth of the time to live."""

SHORTEST: Final = 1.0
"""Seconds; what lives for less is not refreshed in the background."""

Source = Literal["cache", "stale", "joined", "upstream", "fallback"]
"""Memory, in time or past it; the query of another caller, an own one; what the rule names."""

Key = tuple[str, Question]
"""A rule's name and what it asks: two rules may treat the same answer differently."""

NEVER: Final = float("-inf")


class Reading:
    """One answer of Prometheus, encoded for the spelling of the name that asked first."""

    age: int | None = None
    """Whole seconds, if it is handed out past its time."""
    source: Source = "cache"
    """Where it comes from this time."""

    def __init__(
        self,
        name: str,
        answer: Answer,
        *,
        asked_at: float,
        window: int | None = None,
        refusal: UpstreamError | None = None,
    ) -> None:
        """`asked_at` is the monotonic time of the query, in seconds. A `refusal` says why the rule
        does not hand the answer out.
        """
        self.asked_at = asked_at
        self.absence: Absence = answer.absence
        """Why the list has no items; empty text when it has some."""
        self._name = name
        self._refusal = None if refusal is None else (refusal.kind, refusal.detail)
        # The bytes alone are kept: samples as objects take several times their room.
        self._body = b"" if refusal is not None else value_list(name, answer.samples, window)

    @property
    def refused(self) -> bool:
        """Whether the rule does not hand this answer out."""
        return self._refusal is not None

    def handed_out(self) -> "Reading":
        """Itself. Raises UpstreamError if the rule refuses it."""
        if self._refusal is not None:
            raise UpstreamError(*self._refusal)
        return self

    def old(self, now: float) -> "Reading":
        """The same, known to be past its time."""
        aged = self.coming_from("stale")
        aged.age = int(now - self.asked_at)
        return aged

    def coming_from(self, source: Source) -> "Reading":
        """The same, for who asked first."""
        found = copy.copy(self)
        found.source = source
        return found

    def body(self, name: str) -> bytes:
        """The list with `name` on its items."""
        return self._body if name == self._name else renamed(self._body, name)

    @property
    def size(self) -> int:
        """Bytes it occupies, roughly."""
        return len(self._body) + _OVERHEAD


class Kept:
    """A reading with what decides how long it serves. Times are monotonic seconds."""

    __slots__ = (
        "failed_at",
        "name",
        "policy",
        "read_at",
        "reading",
        "refreshed",
        "serves",
        "stale_for",
        "ttl",
    )

    def __init__(
        self, name: str, policy: Policy, reading: Reading, *, ttl: float, stale: float
    ) -> None:
        """`ttl` and `stale` seconds count where the policy says nothing."""
        self.name = name
        self.policy = policy
        self.reading = reading
        self.read_at = NEVER
        """When it was last asked for."""
        self.failed_at = NEVER
        """When asking Prometheus anew last failed; NEVER after a success."""
        self.ttl = ttl if policy.cache_ttl is None else policy.cache_ttl
        self.stale_for = stale_for(policy, stale)
        self.serves = max(self.ttl, min(self.ttl + min(_LATE, self.ttl / 10), self.stale_for))
        """Seconds it serves while it is refreshed in the background."""
        self.refreshed = self.ttl >= SHORTEST
        """Whether it is, as long as it is in use."""

    def stands_in(self, now: float) -> bool:
        """Whether it may be handed out past its time."""
        return not self.reading.refused and now - self.reading.asked_at <= self.stale_for


class Readings:
    """Kept readings by key, at most `limit` bytes of them; those asked for longest ago go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._kept: dict[Key, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[Key, Kept]]:
        return iter(self._kept.items())

    def get(self, key: Key) -> Kept | None:
        """What is kept under `key`."""
        return self._kept.get(key)

    def keep(self, key: Key, kept: Kept) -> None:
        """Put `kept` in the place of what was there, unless it is larger than everything may be."""
        self.drop(key)
        size = _size(key, kept)
        if size > self._limit:
            return
        if self._size + size > self._limit:
            self._make_room(size)
        self._kept[key] = kept
        self._size += size

    def drop(self, key: Key) -> None:
        """Forget what is there, if anything."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._size -= _size(key, kept)

    def forget_unread(self, since: float) -> None:
        """Drop what was not asked for after `since` and is too old by now to be handed out."""
        for key, kept in list(self._kept.items()):
            if kept.read_at + max(kept.ttl, kept.stale_for) < since:
                self.drop(key)

    def _make_room(self, size: int) -> None:
        """More than needed, so that not every newcomer has to sort."""
        for key, _ in sorted(self._kept.items(), key=lambda one: one[1].read_at):
            if self._size + size <= self._limit * _EMPTIED_TO:
                return
            self.drop(key)


def _size(key: Key, kept: Kept) -> int:
    """Bytes of both. What callers select by is part of the key, and may be long."""
    question = key[1]
    texts = (question.promql, question.times, question.form, question.times_form)
    return kept.reading.size + sum(map(len, texts))
