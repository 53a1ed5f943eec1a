"""The fleet breaker: when many metrics go missing together, nothing shrinks anywhere.

    closed ──a group lacks too many──> open ──all lack few, for a minute──> thawing ──> closed
                                         ^──────────a group lacks too many─────────┘

One autoscaler cannot tell an outage from a quiet night as long as its own evidence is good; all of
them together can. While the breaker is open growth goes on, and nothing shrinks; while it thaws
(`fleet_thaw.py`) shrinking goes piecemeal. What counts is in `fleet_evidence.py`.

Every call costs the same however large the fleet is. Times are milliseconds of a clock that only
goes forward, so that no correction of the wall clock opens or closes anything.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct, structs

from kube.vocab.times import SECOND
from scaler.core.fleet_evidence import (
    LEAST,
    OVERALL,
    FleetEvidence,
    Group,
    Kind,
    Recalled,
    Signal,
    Tally,
)
from scaler.core.fleet_thaw import Promise, Thaw
from scaler.core.observed import Fleet, ReadingState

CALM: Final = 60 * SECOND
"""How long every group has to lack less than half of what opens the breaker, before it closes."""

State = Literal["closed", "open", "thawing"]


class Turn(Struct, frozen=True):
    """The breaker went from one state into another: what there is to tell.

    `text` is what held-back autoscalers are told. The figures are those of `group`. `examples` and
    `states` name what is missing, where it opened. `lasted` are the milliseconds of the state that
    ended.
    """

    to: State
    text: str
    group: Group
    degraded: int
    known: int
    lasted: int
    examples: tuple[str, ...] = ()
    states: Mapping[ReadingState, int] = {}


class FleetBreaker:
    """Hears of every evaluation of the autoscalers that one scaler leads."""

    def __init__(self, share: int, thaw_percent: int, *, quiet: int = CALM) -> None:
        """It opens where a group of at least `LEAST` metrics lacks `share` percent; 0 is never.

        While it thaws, `thaw_percent` of all replicas may go in a minute, until nothing was held
        back for `quiet` milliseconds, in which every autoscaler should have had a turn.
        """
        self.state: State = "closed"
        self.opened: Counter[Kind] = Counter()
        """How often it opened, by the kind of group."""
        self._evidence = FleetEvidence(share)
        self._on = share > 0
        self._thaw_percent = thaw_percent
        self._quiet = quiet
        self._replicas: dict[str, int] = {}
        self._total = 0
        self._text = ""
        self._group = OVERALL
        self._since = 0
        self._calm_since: int | None = None
        self._thaw: Thaw | None = None
        self._turns: list[Turn] = []

    @property
    def metrics(self) -> Tally:
        """How many metrics count."""
        return self._evidence.overall

    def __contains__(self, uid: str) -> bool:
        return uid in self._evidence

    def turns(self) -> list[Turn]:
        """The changes of state since the last call."""
        told, self._turns = self._turns, []
        return told

    def hear(
        self,
        uid: str,
        title: str,
        signals: tuple[Signal, ...],
        states: Sequence[ReadingState],
        replicas: int,
        at: int,
    ) -> None:
        """An evaluation saw the target at `replicas`, and its signals in `states`.

        `states` are empty where metrics were not asked for, `replicas` 0 where they are not to be
        written.
        """
        self._count(uid, replicas, at)
        self._evidence.hear(uid, title, signals, states, at)
        self._turn(at)

    def recall(self, recalled: Iterable[Recalled], at: int) -> None:
        """Go on where somebody else stopped, with what the objects tell of it."""
        recalled = tuple(recalled)
        for one in recalled:
            if one.uid not in self:
                self._count(one.uid, one.replicas, at)
        held = self._evidence.recall(recalled, at)
        self._turn(at)
        if held and self._on and self.state == "closed" and self.metrics.known >= LEAST:
            self._begin_thaw(at)

    def leave(self, uids: Iterable[str], at: int) -> None:
        """The autoscalers are gone, or are led by somebody else: all of them at once."""
        for uid in uids:
            self._count(uid, 0, at)
            del self._replicas[uid]
            self._evidence.leave(uid)
        if len(self._evidence):
            self._turn(at)
        else:
            # Nobody is left to hold back: the next to come begin anew.
            self.state, self._thaw, self._calm_since = "closed", None, None

    def allows(self, step: int, at: int) -> Fleet | None:
        """What is left of shrinking for a target that can lose no less than `step` replicas."""
        self._turn(at)
        if self.state == "open":
            return Fleet("frozen", self._text)
        if self._thaw is None:
            return None
        self._thaw.fill(self._total, at)
        allowance = self._thaw.allowance(step, self._total)
        return Fleet("thawing", self._text, allowance, self._thaw.portion(step, self._total))

    def held_back(self, until: int) -> None:
        """A target was, by what `allows` said, and cannot go on before `until`: a thaw goes on."""
        if self._thaw is not None:
            self._thaw.hold(until)

    def promise(self, count: int) -> Promise | None:
        """Set `count` replicas aside that are about to go; None where nothing limits them."""
        if self._thaw is None:
            return None
        self._thaw.promise(count)
        return Promise(self._thaw, count)

    def _count(self, uid: str, replicas: int, at: int) -> None:
        if self._thaw is not None:
            self._thaw.fill(self._total, at)
        self._total += replicas - self._replicas.get(uid, 0)
        self._replicas[uid] = replicas

    def _turn(self, at: int) -> None:
        self._evidence.pass_time(at)
        if self._evidence.over:
            self._calm_since = None
            if self.state != "open":
                self._open(at)
        elif self.state == "open":
            self._cool_down(at)
        elif self._thaw is not None and self._thaw.over(at):
            self._thaw = None
            self._go("closed", "", at)

    def _open(self, at: int) -> None:
        self._thaw = None
        self._group = group = self._evidence.worst()
        self.opened[group.kind] += 1
        tally = self._evidence.tally(group)
        text = (
            f"shrinking is frozen since {tally.degraded} of {tally.known} metrics that were there "
            f"went missing ({group})"
        )
        self._go("open", text, at)

    def _cool_down(self, at: int) -> None:
        """Hysteresis: what hovers around the share must not open and close all the time."""
        if self._evidence.half:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = at
        elif at - self._calm_since >= CALM:
            self._calm_since = None
            self._begin_thaw(at)

    def _begin_thaw(self, at: int) -> None:
        self._thaw = Thaw(self._thaw_percent, self._quiet, at)
        text = (
            "shrinking is limited after many metrics were missing: no more than "
            f"{self._thaw_percent} % of all replicas go in a minute"
        )
        self._go("thawing", text, at)

    def _go(self, state: State, text: str, at: int) -> None:
        group, tally = self._group, self._evidence.tally(self._group)
        turn = Turn(state, text, group, tally.degraded, tally.known, at - self._since)
        if state == "open":
            examples, states = self._evidence.examples(group), self._evidence.states(group)
            turn = structs.replace(turn, examples=examples, states=states)
        self.state, self._text, self._since = state, text, at
        self._turns.append(turn)
