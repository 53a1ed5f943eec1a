"""One evaluation: observe, decide, act, report. The only place where the four meet."""

import asyncio
from collections import Counter
from functools import partial
from typing import Final

from msgspec import structs

from kube.client.errors import KubeError, ServerError, Unreachable
from kube.vocab.times import Clock, Millis
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.events import EventDraft, events
from scaler.core.lifecycle import rest_of
from scaler.core.observed import Memory
from scaler.core.record import Record
from scaler.core.rivals import Claim, conflict_events, giving_way, overlap_event
from scaler.core.signature import signature
from scaler.core.spec import Spec
from scaler.core.status import (
    memory_after,
    memory_moved,
    memory_of,
    status_after,
    status_moved,
    status_of_refusal,
    times_ahead,
)
from scaler.core.trace import Decision
from scaler.shell.clock_jumps import WatchedClock
from scaler.shell.decision_log import say, say_decision
from scaler.shell.fleet import FleetWatch
from scaler.shell.leadership import Leadership
from scaler.shell.measures import Measures
from scaler.shell.observe import Observer
from scaler.shell.reporter import Reporter
from scaler.shell.rivals import Rivals
from scaler.shell.scales import ScaleObject, Scales
from scaler.state.catalogue import Entry, Evaluated

DEADLINE: Final = 60.0
"""Seconds after which an evaluation is given up: no object may block its worker for ever."""


class Evaluator:
    """Evaluates entries of the catalogue."""

    def __init__(
        self,
        observer: Observer,
        scales: Scales,
        reporter: Reporter,
        rivals: Rivals,
        clock: Clock,
        *,
        leadership: Leadership,
        fleet: FleetWatch,
        quiet: bool = False,
    ) -> None:
        """`quiet` is the flag --skipNotScalingEvents."""
        self.outcomes: Counter[str] = Counter()
        self.measures = Measures()
        self.clock = WatchedClock(clock)
        self._observer = observer
        self._scales = scales
        self._reporter = reporter
        self._rivals = rivals
        self._leadership = leadership
        self._fleet = fleet
        self._quiet = quiet

    async def evaluate(self, entry: Entry) -> None:
        """Never raises: what goes wrong with one object is counted and logged, no more (D20)."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self._evaluate(entry)
        except TimeoutError:
            self.outcomes["deadline"] += 1
            say(entry, "error", "The evaluation took too long", seconds=DEADLINE)
        except Exception:  # noqa: BLE001  # D20: one object must not take the daemon down
            self.outcomes["crash"] += 1
            say(entry, "error", "The evaluation failed unexpectedly", exc_info=True)

    async def _evaluate(self, entry: Entry) -> None:
        if entry.leaving:
            self._fleet.leave(entry.autoscaler.metadata.uid)
            await self._reporter.release(entry)
            return
        now = self.clock.now()
        if entry.spec is None:
            await self._refuse(entry, now)
            return
        if entry.memory is None:
            entry.memory = self._recall(entry, now)
        elif (jump := self.clock.jumped - entry.jumped) != 0:
            entry.memory = memory_moved(entry.memory, jump)
            entry.status = status_moved(entry.status, jump)
        entry.jumped = self.clock.jumped
        asked, uid = entry.spec, entry.autoscaler.metadata.uid
        sight, rivals = await asyncio.gather(
            self._observer.observe(asked, entry.memory, now, uid=uid, known=entry.known),
            self._rivals.of(asked, entry.rivals),
        )
        if not self._may_act(entry, asked):
            return
        spec = giving_way(asked, rivals)
        entry.view = entry.view.after(sight.observed)
        observed = structs.replace(sight.observed, doubt=entry.view.doubt)
        observed = self._fleet.look(entry, spec, observed)
        decision = decide(spec, observed, now)
        self._fleet.decided(spec, decision)
        entry.rests_until = entry.asked + rest_of(decision.monitor)
        self.measures.decided(spec, decision, self.clock.monotonic() - entry.asked)
        self._tell_rivals(entry, spec, rivals)
        applied = await self._apply(entry, spec, decision, sight.scale)
        if sight.scale is not None and applied.kind != "failed":
            entry.known = decision.desired if applied.kind == "scaled" else decision.current
        self.outcomes[decision.rule] += 1
        version = entry.flight.version_of(spec)
        entry.flight.add(Record(now, version, observed, applied, decision.rule))
        await self._finish(entry, spec, decision, applied)

    def _recall(self, entry: Entry, now: Millis) -> Memory:
        """What the status remembers, at the first evaluation after a start."""
        for field in times_ahead(entry.status, now):
            text = (
                "A time in the status lies in the future and is taken as now, so that windows and "
                "delays begin now; check the clocks of whoever writes it"
            )
            say(entry, "warning", text, field=field)
        uid = entry.autoscaler.metadata.uid
        return memory_of(entry.status, now, self._leadership.last_looks(uid))

    def _may_act(self, entry: Entry, spec: Spec) -> bool:
        """Not on an object that was deleted or changed while we looked (an evaluation of what it
        is now follows), nor once leadership is lost: whoever leads now decides.
        """
        return not entry.leaving and entry.spec == spec and self._holds(entry)

    def _holds(self, entry: Entry) -> bool:
        return self._leadership.held(entry.autoscaler.metadata.uid)

    async def _apply(
        self, entry: Entry, spec: Spec, decision: Decision, scale: ScaleObject | None
    ) -> Applied:
        if scale is None or not decision.scales:
            return Applied()
        if spec.dry_run:
            return Applied("dry_run")
        name = signature(entry.autoscaler.metadata.uid, decision.at)
        promise, written = self._fleet.promise(decision), True
        try:
            await self._scales.write(scale, decision.desired, name)
        except KubeError as error:
            # Without an answer it may have been written.
            written = isinstance(error, Unreachable | ServerError)
            return Applied("failed", str(error))
        finally:
            self._fleet.settle(promise, gone=written)
        return Applied("scaled")

    async def _finish(self, entry: Entry, spec: Spec, decision: Decision, applied: Applied) -> None:
        before, last = entry.last, Evaluated(spec, decision, applied)
        entry.memory = memory_after(decision, applied)
        entry.last = last
        if applied.kind == "scaled":
            self.measures.scales += 1
            entry.scaled(decision.desired - decision.current)
        status = status_after(
            spec,
            decision,
            applied,
            entry.status,
            generation=entry.autoscaler.metadata.generation,
            quiet=self._quiet,
        )
        say_decision(entry, last, before)
        same = before is not None and before.spec.signals == spec.signals
        previous = before.decision if before is not None and same else None
        self._reporter.tell(entry, events(spec, decision, applied, previous, quiet=self._quiet))
        overlap = overlap_event(spec, decision, previous)
        if overlap is not None:
            self._reporter.tell(entry, [overlap])
        may_write = partial(self._holds, entry)
        await self._reporter.report(entry, status, decision.at, may_write=may_write)

    def _tell_rivals(self, entry: Entry, spec: Spec, found: tuple[Claim, ...]) -> None:
        """Two writers on one target are told when they are found (D37)."""
        if found == entry.rivals:
            return
        told = conflict_events(spec, entry.rivals)
        entry.rivals = found
        for draft in conflict_events(spec, found):
            if draft not in told:
                say(entry, "warning", "Another controller scales the target", error=draft.message)
                self._reporter.tell(entry, [draft])

    async def _refuse(self, entry: Entry, now: Millis) -> None:
        """An invalid object: say so once per version of it, and do nothing else."""
        self.outcomes["invalid_spec"] += 1
        self._fleet.leave(entry.autoscaler.metadata.uid)
        entry.last = None
        generation = entry.autoscaler.metadata.generation
        if entry.refused_generation != generation:
            entry.refused_generation = generation
            text, instance = "Got an invalid WPA spec", entry.title
            say(entry, "error", text, Instance=instance, error=entry.refusal)
            draft = EventDraft("Warning", "FailedSpecCheck", entry.refusal)
            self._reporter.tell(entry, [draft])
        status = status_of_refusal(entry.refusal, entry.status, now, generation=generation)
        await self._reporter.report(entry, status, now, may_write=partial(self._holds, entry))
