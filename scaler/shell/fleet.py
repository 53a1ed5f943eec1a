"""The fleet breaker at work: what it hears of, what it says to evaluations, whom it tells."""

from collections.abc import Mapping
from typing import Final

from msgspec import structs

from kube.client.events import EventRecorder, EventType
from kube.service.logs import get_logger
from kube.vocab.times import SECOND, Clock
from scaler.core.fleet import FleetBreaker, State, Turn
from scaler.core.fleet_recall import recall
from scaler.core.fleet_thaw import Promise
from scaler.core.limits import least_step
from scaler.core.observed import Observed
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.shell.leadership import Concerned, Leadership
from scaler.state.catalogue import Catalogue, Entry

_REASONS: Final[Mapping[State, str]] = {"open": "FleetFrozen", "thawing": "FleetThawing"}
"""Of the events on the lease; the end of a thaw has none."""

_log = get_logger("scaler")


class FleetWatch:
    """One breaker over all autoscalers that this scaler leads."""

    def __init__(
        self,
        breaker: FleetBreaker,
        catalogue: Catalogue,
        leadership: Leadership,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self.breaker = breaker
        self._catalogue = catalogue
        self._leadership = leadership
        self._recorder = recorder
        self._clock = clock
        self._recalled: int | None = 0
        """How many entries there were when their statuses were read; None once that is done."""

    def look(self, entry: Entry, spec: Spec, observed: Observed) -> Observed:
        """Hear of what an evaluation saw, and add what is left of shrinking to it."""
        uid, at, scale = entry.autoscaler.metadata.uid, self._now(), observed.scale
        self._recall(at)
        step = 1
        if scale is not None:
            states = [reading.state for reading in observed.readings]
            replicas = 0 if spec.dry_run else scale.spec_replicas
            self.breaker.hear(uid, entry.title, spec.signals, states, replicas, at)
            step = least_step(spec, scale.spec_replicas)
        fleet = self.breaker.allows(step, at)
        self._tell()
        return observed if fleet is None else structs.replace(observed, fleet=fleet)

    def decided(self, spec: Spec, decision: Decision) -> None:
        """A thaw goes on for as long as it holds back what is not a dry run: what lost a part has
        to sit out its forbidden window first.
        """
        if decision.rule == "fleet_thaw" and not spec.dry_run:
            window = spec.down_window * SECOND if decision.scales else 0
            self.breaker.held_back(self._now() + window)

    def promise(self, decision: Decision) -> Promise | None:
        """Set aside what is about to be removed, before anybody else is asked.

        A target that is brought back to its bounds does not need it (D14).
        """
        removed = decision.current - decision.desired
        return self.breaker.promise(removed) if decision.evaluated and removed > 0 else None

    def settle(self, promise: Promise | None, *, gone: bool) -> None:
        """What was set aside is gone, or goes back."""
        if promise is not None:
            promise.settle(self._now(), gone=gone)

    def leave(self, uid: str) -> None:
        """The autoscaler is gone, or cannot be evaluated any more."""
        self.breaker.leave((uid,), self._now())
        self._tell()

    def forget(self, concerned: Concerned) -> None:
        """Somebody else has led these objects, or leads them now: what counts is their status."""
        uids = (entry.autoscaler.metadata.uid for entry in self._catalogue)
        self.breaker.leave([uid for uid in uids if concerned(uid)], self._now())
        self._tell()
        self._recalled = 0

    def _recall(self, at: int) -> None:
        """Before the first evaluation counts, what the statuses of all others tell is known."""
        if self._recalled is None or self._recalled == len(self._catalogue):
            return
        now = self._clock.now()
        self.breaker.recall(
            [
                recall(entry.autoscaler.metadata.uid, entry.spec, entry.status, now)
                for entry in self._catalogue
                if entry.spec is not None and self._leads(entry)
            ],
            at,
        )
        self._recalled = None if self._catalogue.synced else len(self._catalogue)

    def _leads(self, entry: Entry) -> bool:
        return not entry.leaving and self._leadership.held(entry.autoscaler.metadata.uid)

    def _now(self) -> int:
        return round(self._clock.monotonic() * SECOND)

    def _tell(self) -> None:
        for turn in self.breaker.turns():
            _say(turn)
            reason = _REASONS.get(turn.to)
            for lease in self._leadership.leases if reason is not None else ():
                kind: EventType = "Warning" if turn.to == "open" else "Normal"
                self._recorder.record(lease, kind, reason or "", _event(turn), keep=True)


def _say(turn: Turn) -> None:
    """One line for each change: with what is missing where it opened, with how long it took."""
    seconds = turn.lasted // SECOND
    match turn.to:
        case "open":
            _log.warning(
                "The fleet breaker is open: nothing shrinks",
                group=str(turn.group),
                degraded=turn.degraded,
                known=turn.known,
                percent=100 * turn.degraded // max(1, turn.known),
                states=dict(turn.states),
                examples=list(turn.examples),
            )
        case "thawing":
            _log.info(
                "The fleet breaker thaws: shrinking is limited",
                group=str(turn.group),
                degraded=turn.degraded,
                known=turn.known,
                openSeconds=seconds,
            )
        case "closed":
            _log.info("The fleet breaker is closed", thawSeconds=seconds)


def _event(turn: Turn) -> str:
    if not turn.examples:
        return turn.text
    states = ", ".join(f"{count} {state}" for state, count in turn.states.items())
    return f"{turn.text}: {states}; for example {', '.join(turn.examples)}"
