"""Which metrics of all autoscalers were there, and which of those are gone, counted by group.

A metric is one signal of one autoscaler. It is *fresh* once it was read, and *degraded* while it
was fresh and its last reading is not good, whatever is wrong with it. Neither lasts longer than
`COUNTS_FOR`: an owner who removed a rule for good must not freeze the others for ever, and what
nobody has asked for since says nothing about now. One that never was fresh does not count at all.

Everything here costs the same however many metrics there are. Times are milliseconds of a clock
that only goes forward.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, Literal
from urllib.parse import urlsplit

from msgspec import Struct

from kube.vocab.times import SECOND
from scaler.core.metric_spec import Metric
from scaler.core.observed import ReadingState
from scaler.core.recommender import Recommender

COUNTS_FOR: Final = 3600 * SECOND
"""How long a metric counts that is not read any more, or that stays degraded."""
LEAST: Final = 10
"""A group of fewer metrics says nothing about the fleet."""
EXAMPLES: Final = 5

Signal = Metric | Recommender
Kind = Literal["overall", "source", "metric"]
Health = Literal["unknown", "fresh", "dormant", "degraded", "lost"]
"""`dormant` was fresh and has not been read for long, `lost` has been degraded for long."""


class Group(Struct, frozen=True, gc=False):
    """Metrics that may fail together: all, those of one source, or those of one name."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "overall":
            return "all sources"
        return self.name if self.kind == "source" else f"metric {self.name}"


OVERALL: Final = Group("overall")


class Tally(Struct, gc=False):
    """How many metrics of a group are fresh, and how many degraded."""

    fresh: int = 0
    degraded: int = 0

    @property
    def known(self) -> int:
        """All that count."""
        return self.fresh + self.degraded


class Recalled(Struct, frozen=True, gc=False):
    """What is known of an autoscaler's metrics before its first evaluation.

    `doubtful` are the indexes of metrics that are missing, and nobody knows whether they ever were
    there. `degraded_for` is in milliseconds. `held` says that the fleet breaker held it back.
    """

    uid: str
    title: str
    signals: tuple[Signal, ...]
    healths: tuple[Health, ...]
    replicas: int = 0
    doubtful: frozenset[int] = frozenset()
    degraded_for: int = 0
    held: bool = False


class _Watched(Struct, eq=False):
    """One metric of one autoscaler; compared by identity."""

    title: str
    signal: Signal
    groups: tuple[Group, Group, Group]
    health: Health = "unknown"
    state: ReadingState = "ok"


class _Member(Struct, eq=False):
    signals: tuple[Signal, ...]
    metrics: tuple[_Watched, ...]


class FleetEvidence:
    """Counts metrics, and tells which groups lack too many."""

    def __init__(self, share: int) -> None:
        """A group lacks too many from `share` percent of its metrics on; 0 is never."""
        self.over: set[Group] = set()
        """Groups that lack too many."""
        self.half: set[Group] = set()
        """Groups that lack at least half of that."""
        self._share = share
        self._members: dict[str, _Member] = {}
        self._tallies: dict[Group, Tally] = {OVERALL: Tally()}
        # In the order of their times, so that the oldest are found first.
        self._fresh: dict[_Watched, int] = {}
        self._degraded: dict[_Watched, int] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, uid: str) -> bool:
        return uid in self._members

    @property
    def overall(self) -> Tally:
        """All metrics that count."""
        return self._tallies[OVERALL]

    def tally(self, group: Group) -> Tally:
        """The metrics of `group` that count."""
        return self._tallies.get(group) or Tally()

    def worst(self) -> Group:
        """Of the groups that lack too many, the one that lacks most; of equals a source's."""
        order = ("metric", "overall", "source")
        return max(
            self.over, key=lambda one: (self.tally(one).degraded, order.index(one.kind), one.name)
        )

    def examples(self, group: Group) -> tuple[str, ...]:
        """Some metrics of `group` that are degraded, the ones that went first."""
        titles = (one.title for one in self._degraded if group in one.groups)
        return tuple(islice(titles, EXAMPLES))

    def states(self, group: Group) -> Mapping[ReadingState, int]:
        """What is wrong with the degraded metrics of `group`, the most frequent first."""
        counts = Counter(one.state for one in self._degraded if group in one.groups)
        return dict(counts.most_common())

    def hear(
        self,
        uid: str,
        title: str,
        signals: tuple[Signal, ...],
        states: Sequence[ReadingState],
        at: int,
    ) -> None:
        """One evaluation's readings, in the order of its signals."""
        for one, state in zip(self._member(uid, title, signals).metrics, states, strict=False):
            one.state = state
            if state == "ok":
                self._fresh.pop(one, None)
                self._fresh[one] = at
                self._move(one, "fresh")
            elif one.health in ("fresh", "dormant"):
                self._degraded[one] = at
                self._move(one, "degraded")

    def recall(self, recalled: Iterable[Recalled], at: int) -> bool:
        """Begin with what somebody else left behind; whether it held anything back then.

        Where it did, metrics that are missing are taken to have been there.
        """
        new = [one for one in recalled if one.uid not in self._members]
        held = any(one.held for one in new)
        for each in sorted(new, key=lambda one: -one.degraded_for):
            member = self._member(each.uid, each.title, each.signals)
            for index, one in enumerate(member.metrics):
                doubtful = held and index in each.doubtful
                self._begin(one, "degraded" if doubtful else each.healths[index], each, at)
        # What failed first expires first, also where it was learnt last.
        self._degraded = dict(sorted(self._degraded.items(), key=lambda item: item[1]))
        return held

    def leave(self, uid: str) -> None:
        """An autoscaler is gone, or somebody else's."""
        member = self._members.pop(uid, None)
        for one in member.metrics if member is not None else ():
            self._forget(one)

    def pass_time(self, at: int) -> None:
        """What has lasted for too long counts no more."""
        while (one := _outlived(self._fresh, at)) is not None:
            self._move(one, "dormant")
        while (one := _outlived(self._degraded, at)) is not None:
            self._move(one, "lost")

    def _member(self, uid: str, title: str, signals: tuple[Signal, ...]) -> _Member:
        """The member with exactly these signals; of others' metrics the same ones stay."""
        member = self._members.get(uid)
        if member is not None and (member.signals is signals or member.signals == signals):
            return member
        left = list(member.metrics) if member is not None else []
        metrics = tuple(_taken(left, title, signal) for signal in signals)
        for one in left:
            self._forget(one)
        self._members[uid] = member = _Member(signals, metrics)
        return member

    def _begin(self, one: _Watched, health: Health, each: Recalled, at: int) -> None:
        if health == "degraded":
            one.state = "error"
            self._degraded[one] = at - each.degraded_for
        elif health == "fresh":
            self._fresh[one] = at
        self._move(one, health)

    def _forget(self, one: _Watched) -> None:
        self._move(one, "unknown")

    def _move(self, one: _Watched, health: Health) -> None:
        before, one.health = one.health, health
        if before == health:
            return
        if before == "fresh":
            del self._fresh[one]
        elif before == "degraded":
            del self._degraded[one]
        for group in one.groups:
            tally = self._tallies.setdefault(group, Tally())
            tally.fresh += (health == "fresh") - (before == "fresh")
            tally.degraded += (health == "degraded") - (before == "degraded")
            self._judge(group, tally)

    def _judge(self, group: Group, tally: Tally) -> None:
        counts = tally.known >= LEAST and self._share > 0
        _put(self.over, group, counts and 100 * tally.degraded >= self._share * tally.known)
        _put(self.half, group, counts and 200 * tally.degraded >= self._share * tally.known)
        if tally.known == 0 and group != OVERALL:
            del self._tallies[group]


def _outlived(times: Mapping[_Watched, int], at: int) -> _Watched | None:
    """The metric whose time is the oldest, if it counts no more."""
    one = next(iter(times), None)
    return one if one is not None and at - times[one] > COUNTS_FOR else None


def _put(groups: set[Group], group: Group, belongs: bool) -> None:
    if belongs:
        groups.add(group)
    else:
        groups.discard(group)


def _taken(left: list[_Watched], title: str, signal: Signal) -> _Watched:
    """The metric of `left` that asks for the same as `signal`, or a new one."""
    for one in left:
        if _question(one.signal) == _question(signal):
            left.remove(one)
            one.signal = signal
            return one
    groups = (OVERALL, Group("source", _source(signal)), Group("metric", signal.name))
    return _Watched(f"{title} {signal.name}", signal, groups)


def _question(signal: Signal) -> tuple[object, ...]:
    """What is asked for, whatever its marks are."""
    if isinstance(signal, Recommender):
        return signal.url, signal.name
    return signal.kind, signal.name, signal.selector


def _source(signal: Signal) -> str:
    """Where it comes from: the API that serves it, or a recommender's host."""
    if isinstance(signal, Metric):
        external = signal.kind == "External"
        return "external.metrics.k8s.io" if external else "metrics.k8s.io"
    try:
        return urlsplit(signal.url).hostname or signal.public_url
    except ValueError:
        return signal.public_url
