"""The fleet breaker in a scaler: whom it tells, what becomes of replicas that were set aside."""

from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from kube.client.events import EventType, ObjectReference
from kube.vocab.objects import ObjectMeta
from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.fleet import FleetBreaker
from scaler.core.observed import Observed, Reading
from scaler.core.spec import Spec
from scaler.core.status import status_after
from scaler.core.trace import Decision
from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.shell.fleet import FleetWatch
from scaler.shell.leadership import Sole
from scaler.state.catalogue import Catalogue, Entry
from tests.oracle.worlds import NOW, autoscaler, good, look, missing, ready_pods

LEASES = tuple(
    ObjectReference("coordination.k8s.io/v1", "Lease", "system", f"lock-{shard}", f"uid-{shard}")
    for shard in (2, 5)
)
LOW, BAD = good(20_000), missing("stale")


class Clocks:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> int:
        return NOW + round(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Recorder:
    """Keeps what it is told to record."""

    def __init__(self) -> None:
        self.told: list[tuple[str, EventType, str, str]] = []

    def record(
        self, about: ObjectReference, type_: EventType, reason: str, message: str, *, keep: bool
    ) -> None:
        assert keep
        self.told.append((about.name, type_, reason, message))


class Watched:
    """A scaler's breaker over so many autoscalers at ten replicas each."""

    def __init__(
        self, size: int, status: AutoscalerStatus | None = None, *, synced: bool = True
    ) -> None:
        self.clock, self.recorder = Clocks(), Recorder()
        self.catalogue = Catalogue(lambda _key, _at_once: None, on_gone=self.gone)
        leadership = Sole(leases=LEASES)
        self.watch = FleetWatch(
            FleetBreaker(50, 10),
            self.catalogue,
            leadership,
            self.recorder,  # type: ignore[arg-type]
            self.clock,
        )
        for number in range(size):
            self.add(number, status)
        if synced:
            self.catalogue.on_synced()

    def gone(self, uid: str) -> None:
        self.watch.leave(uid)

    def add(self, number: int, status: AutoscalerStatus | None, **spec: Any) -> None:
        made = autoscaler(algorithm="average", maxReplicas=20, scaleDownLimitFactor=90, **spec)
        meta = ObjectMeta(namespace="shop", name=f"w{number}", uid=f"u{number}")
        item: Autoscaler = structs.replace(made, metadata=meta, status=status or AutoscalerStatus())
        self.catalogue.on_added(("shop", f"w{number}"), item)

    def entry(self, number: int) -> tuple[Entry, Spec]:
        entry = self.catalogue.get(("shop", f"w{number}"))
        assert entry is not None
        assert entry.spec is not None
        return entry, entry.spec

    def see(self, number: int, reading: Reading) -> tuple[Observed, Decision]:
        """What an evaluation looks at, and decides."""
        entry, spec = self.entry(number)
        observed = self.watch.look(entry, spec, look(10, reading))
        decision = decide(spec, observed, self.clock.now())
        self.watch.decided(spec, decision)
        return observed, decision

    def see_all(self, reading: Reading, after: float = 0.0) -> None:
        self.clock.seconds += after
        for entry in self.catalogue:
            self.see(int(entry.key[1][1:]), reading)


def thawing(size: int = 20) -> Watched:
    """An outage is just over, and a minute of the thaw has passed."""
    w = Watched(size)
    w.see_all(LOW)
    w.see_all(BAD)
    w.see_all(LOW)
    w.see_all(LOW, after=60)
    assert w.watch.breaker.state == "thawing"
    w.clock.seconds += 59
    return w


def test_each_lease_and_the_log_are_told_once_in_and_once_out():
    w = Watched(20)
    with capture_logs() as lines:
        w.see_all(LOW)
        assert w.recorder.told == []
        w.see_all(BAD)
        w.see_all(BAD, after=15)
        w.see_all(LOW, after=15)
        w.see_all(LOW, after=60)
        w.see_all(good(500_000), after=15)
        w.see_all(good(500_000), after=60)
    opened, thaws, closed = lines
    assert opened["event"] == "The fleet breaker is open: nothing shrinks"
    assert (opened["log_level"], opened["group"]) == ("warning", "external.metrics.k8s.io")
    assert (opened["degraded"], opened["known"], opened["percent"]) == (10, 20, 50)
    assert opened["states"] == {"stale": 10}
    assert opened["examples"][0] == "shop/w0 backlog"
    assert thaws["event"] == "The fleet breaker thaws: shrinking is limited"
    assert (thaws["log_level"], thaws["openSeconds"]) == ("info", 90)
    assert closed["event"] == "The fleet breaker is closed"
    assert [told[:3] for told in w.recorder.told] == [
        ("lock-2", "Warning", "FleetFrozen"),
        ("lock-5", "Warning", "FleetFrozen"),
        ("lock-2", "Normal", "FleetThawing"),
        ("lock-5", "Normal", "FleetThawing"),
    ]
    assert w.recorder.told[0][3] == (
        "shrinking is frozen since 10 of 20 metrics that were there went missing "
        "(external.metrics.k8s.io): 10 stale; for example shop/w0 backlog, shop/w1 backlog, "
        "shop/w2 backlog, shop/w3 backlog, shop/w4 backlog"
    )


def test_what_one_was_promised_no_other_gets_until_it_is_given_back():
    w = thawing()
    _, decision = w.see(0, LOW)
    assert (decision.desired, decision.rule) == (1, "below_watermark")
    promise = w.watch.promise(decision)
    observed, other = w.see(1, LOW)
    assert observed.fleet is not None
    assert observed.fleet.allowance == 19 - 9
    assert other.desired == 1
    w.watch.promise(other)
    _, third = w.see(2, LOW)
    assert (third.desired, third.rule) == (10, "fleet_thaw")
    w.watch.settle(promise, gone=False)
    _, again = w.see(2, LOW)
    assert again.desired == 1


def test_what_lost_a_part_prolongs_the_thaw_until_its_window_is_over():
    w = thawing()
    w.add(50, None, downscaleForbiddenWindowSeconds=400)
    entry, spec = w.entry(50)
    big = look(20, good(10_000), pods=ready_pods(20))
    decision = decide(spec, w.watch.look(entry, spec, big), w.clock.now())
    assert (decision.desired, decision.rule) == (9, "fleet_thaw"), "half a minute's share of 220"
    w.watch.decided(spec, decision)
    states = []
    for seconds in (400, 60):
        w.see_all(good(500_000), after=seconds)
        states.append(w.watch.breaker.state)
    assert states == ["thawing", "closed"]


def test_a_dry_run_is_evidence_and_neither_takes_nor_prolongs_anything():
    w = thawing()
    w.add(99, None, dryRun=True)
    entry, spec = w.entry(99)
    before = w.watch.breaker.metrics.known
    w.see(0, LOW)
    for _ in range(30):
        observed = w.watch.look(entry, spec, look(10, LOW))
        w.watch.decided(spec, decide(spec, observed, w.clock.now()))
        w.clock.seconds += 15
    assert w.watch.breaker.metrics.known == before + 1
    assert w.watch.breaker.state == "closed"


def test_a_target_brought_back_to_its_bounds_needs_no_promise():
    w = thawing()
    entry, spec = w.entry(0)
    observed = w.watch.look(entry, spec, look(90, LOW))
    decision = decide(spec, observed, w.clock.now())
    assert decision.rule == "above_max_replicas"
    assert w.watch.promise(decision) is None


def test_who_is_deleted_counts_no_more():
    w = Watched(12)
    w.see_all(LOW)
    w.catalogue.on_deleted(("shop", "w3"))
    assert w.watch.breaker.metrics.known == 11


def failed_status() -> AutoscalerStatus:
    """What is left of an object whose metric went missing."""
    w = Watched(1)
    _, decision = w.see(0, LOW)
    _, spec = w.entry(0)
    status = status_after(spec, decision, Applied(), AutoscalerStatus())
    _, decision = w.see(0, BAD)
    return status_after(spec, decision, Applied(), status)


def test_a_new_leader_knows_all_objects_before_it_decides_on_the_first():
    w = Watched(20, failed_status())
    observed, _ = w.see(0, BAD)
    assert observed.fleet is not None
    assert observed.fleet.state == "frozen"
    w.watch.forget(lambda _: True)
    assert w.watch.breaker.metrics.known == 0
    assert w.recorder.told[-1][2] == "FleetFrozen", "nothing is told of what others lead"
    w.see(0, BAD)
    assert w.watch.breaker.state == "open"


@pytest.mark.parametrize("synced", [True, False])
def test_what_is_listed_later_is_known_in_time_too(synced):
    status = failed_status()
    w = Watched(5, status, synced=synced)
    w.see(0, BAD)
    for number in range(5, 20):
        w.add(number, status)
    w.see(0, BAD)
    assert w.watch.breaker.state == ("closed" if synced else "open")
