"""The fleet breaker once more: slow, obvious, in fractions, looking at all that ever was read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from scaler.core.metric_spec import Metric

MINUTE, HOUR = 60_000, 3_600_000
FEWEST = 10

Question = tuple[str, str]
"""Source and name of a metric."""


@dataclass
class Asked:
    """One metric of one autoscaler: when it was read, and whether it was good."""

    question: Question
    answers: list[tuple[int, bool]] = field(default_factory=list)

    def health(self, at: int) -> str:
        """fresh, degraded, or "" where it does not count."""
        last_good: int | None = None
        bad_since: int | None = None
        for then, good in self.answers:
            if good:
                last_good, bad_since = then, None
            elif last_good is not None and bad_since is None:
                bad_since = then
        if bad_since is not None:
            return "degraded" if at - bad_since <= HOUR else ""
        return "fresh" if last_good is not None and at - last_good <= HOUR else ""


@dataclass
class SlowFleet:
    """What the breaker should be, told the same."""

    share: int
    percent: int
    quiet: int
    state: str = "closed"
    members: dict[str, list[Asked]] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)
    calm_since: int | None = None
    began: int = 0
    held: int = 0
    filled: int = 0
    saved: Fraction = Fraction(0)
    gone: list[tuple[int, int]] = field(default_factory=list)
    promised: int = 0
    opened: int = 0

    def hear(
        self, uid: str, signals: Sequence[Metric], good: Sequence[bool], replicas: int, at: int
    ) -> None:
        """One evaluation."""
        self._fill(at)
        self.replicas[uid] = replicas
        questions = [(signal.kind, signal.name) for signal in signals]
        before = self.members.get(uid, [])
        kept = {one.question: one for one in before}
        self.members[uid] = [kept.get(each) or Asked(each) for each in questions]
        for one, answer in zip(self.members[uid], good, strict=False):
            one.answers.append((at, answer))
        self.look(at)

    def leave(self, uid: str, at: int) -> None:
        """It is gone."""
        self._fill(at)
        self.members.pop(uid, None)
        self.replicas.pop(uid, None)
        if self.members:
            self.look(at)
        else:
            self.state, self.calm_since = "closed", None

    def look(self, at: int) -> None:
        """What state it is in by now."""
        shares = list(self._shares(at)) if self.share else []
        if any(share >= Fraction(self.share, 100) for share in shares):
            self.calm_since = None
            if self.state != "open":
                self.state, self.opened = "open", self.opened + 1
        elif self.state == "open":
            if any(share >= Fraction(self.share, 200) for share in shares):
                self.calm_since = None
            elif self.calm_since is None:
                self.calm_since = at
            elif at - self.calm_since >= MINUTE:
                self.state, self.calm_since = "thawing", None
                self.began = self.held = self.filled = at
                self.saved, self.gone, self.promised = Fraction(0), [], 0
        elif self.state == "thawing" and (
            at >= self.held + self.quiet or at >= self.began + 30 * MINUTE
        ):
            self.state = "closed"

    def allowance(self, step: int, at: int) -> int:
        """How many may go of a target that loses at least `step`."""
        self._fill(at)
        lately = self.promised + sum(count for then, count in self.gone if then > at - MINUTE)
        a_minute = Fraction(self.percent * sum(self.replicas.values()), 100)
        left = max(0, floor(min(self.saved, a_minute - lately)))
        return step if left < step <= self.saved and lately == 0 else left

    def portion(self, step: int) -> int:
        """What goes at a time of a larger step."""
        half = Fraction(self.percent * sum(self.replicas.values()), 200)
        return max(step, floor(half))

    def counts(self, at: int) -> tuple[int, int]:
        """How many metrics are fresh and degraded."""
        all_of_them = [one.health(at) for member in self.members.values() for one in member]
        return all_of_them.count("fresh"), all_of_them.count("degraded")

    def _shares(self, at: int) -> Iterator[Fraction]:
        healths = [
            (one.question, one.health(at)) for member in self.members.values() for one in member
        ]
        groups: list[set[Question]] = [{question for question, _ in healths}]
        groups += [{one for one in groups[0] if one[0] == source} for source, _ in groups[0]]
        groups += [{one for one in groups[0] if one[1] == name} for _, name in groups[0]]
        for group in groups:
            found = [health for question, health in healths if question in group and health]
            if len(found) >= FEWEST:
                yield Fraction(found.count("degraded"), len(found))

    def _fill(self, at: int) -> None:
        total = sum(self.replicas.values())
        self.saved += Fraction(self.percent * total * (at - self.filled), 100 * MINUTE)
        self.filled = at
