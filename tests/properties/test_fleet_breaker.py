"""Whatever a fleet goes through: the breaker does what its slow restatement does, and keeps its
promises, which are told here from the replicas that went alone.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from scaler.core.fleet import FleetBreaker
from scaler.core.fleet_thaw import Promise
from scaler.core.metric_spec import Metric
from scaler.core.observed import ReadingState
from tests.oracle.slow_fleet import HOUR, MINUTE, SlowFleet

PERIOD = 15_000
NAMES = ("backlog", "lag", "cpu")
BAD: tuple[ReadingState, ...] = ("empty", "nan", "stale", "error", "forbidden", "not_found")

chances = st.integers(0, 2**32).map(Random)


@dataclass
class Target:
    """One autoscaler's target; `step` is its modulo."""

    uid: str
    signals: tuple[Metric, ...]
    replicas: int
    step: int = 1
    leaves_at: int = 1


@dataclass
class Pending:
    """A scale write whose answer is not there yet."""

    target: Target
    count: int
    promise: Promise | None
    thaw: int


class Fleets(RuleBasedStateMachine):
    """A fleet under one breaker."""

    @initialize(
        chance=chances,
        size=st.integers(1, 30),
        share=st.sampled_from((0, 1, 30, 50, 100)),
        percent=st.sampled_from((1, 10, 50, 100)),
    )
    def begin(self, chance, size, share, percent):
        self.now = 1_000_000
        self.breaker = FleetBreaker(share, percent, quiet=MINUTE)
        self.slow = SlowFleet(share, percent, MINUTE)
        self.percent, self.share = percent, share
        self.broken: set[tuple[str, str]] = set()
        self.pending: list[Pending] = []
        self.gone: list[tuple[int, int, int]] = []
        """When, how many, and in which thaw."""
        self.totals: list[tuple[int, int]] = []
        self.thaws = 0
        self.serial = 0
        self.fleet: list[Target] = []
        for _ in range(size):
            self.join(chance)

    @rule(chance=chances)
    def join(self, chance):
        self.serial += 1
        step = chance.choice((1, 1, 1, 5))
        target = Target(f"u{self.serial}", any_signals(chance), chance.randint(1, 40), step)
        self.fleet.append(target)

    @rule(chance=chances)
    def leave(self, chance):
        if self.fleet:
            target = self.fleet.pop(chance.randrange(len(self.fleet)))
            self.breaker.leave([target.uid], self.now)
            self.slow.leave(target.uid, self.now)

    @rule(chance=chances)
    def edit(self, chance):
        if self.fleet:
            chance.choice(self.fleet).signals = any_signals(chance)

    @rule(chance=chances)
    def break_metrics(self, chance):
        kinds, names = ("External", "Resource"), NAMES
        some = [(kind, name) for kind in kinds for name in names if chance.random() < 0.6]
        self.broken.update(some)

    @rule()
    def heal_metrics(self):
        self.broken.clear()

    @rule(by=st.one_of(st.integers(0, 2 * MINUTE), st.integers(HOUR - 60_000, HOUR + 60_000)))
    def wait(self, by):
        self.now += by

    @rule(chance=chances, turns=st.integers(1, 12))
    def evaluate(self, chance, turns):
        for _ in range(turns):
            for target in chance.sample(self.fleet, len(self.fleet)):
                self.now += chance.randint(0, 2 * PERIOD // max(1, len(self.fleet)))
                self.one(target, chance)

    def one(self, target: Target, chance: Random) -> None:
        """An evaluation, half of which want to shrink; its write is answered later."""
        states: tuple[ReadingState, ...] = tuple(
            chance.choice(BAD) if (one.kind, one.name) in self.broken else "ok"
            for one in target.signals
        )
        good = [state == "ok" for state in states]
        self.breaker.hear(target.uid, "", target.signals, states, target.replicas, self.now)
        self.slow.hear(target.uid, target.signals, good, target.replicas, self.now)
        self.count_thaws()
        self.totals.append((self.now, sum(self.slow.replicas.values())))
        waiting = any(one.target is target for one in self.pending)
        if not waiting and all(good) and chance.random() < 0.5:
            self.shrink(target, chance)
        while len(self.pending) > chance.randint(0, 3):
            self.answer(self.pending.pop(0), chance.random() < 0.8)

    def shrink(self, target: Target, chance: Random) -> None:
        """As much as is allowed of what it wants."""
        want = chance.randint(0, target.replicas - 1) // target.step * target.step
        fleet = self.breaker.allows(target.step, self.now)
        self.slow.look(self.now)
        due = self.slow.allowance(target.step, self.now) if fleet is not None else 0
        named = {"open": "frozen", "thawing": "thawing", "closed": None}
        assert (fleet.state if fleet else None) == named[self.slow.state]
        if fleet is None:
            count = want
        elif fleet.state == "frozen":
            count = 0
        else:
            assert fleet.allowance == due
            assert fleet.portion == self.slow.portion(target.step)
            part = min(want, fleet.portion) // target.step * target.step
            count = part if part <= fleet.allowance else 0
            if count < want:
                until = self.now + (chance.choice((1, 90_000)) if count else 0)
                self.breaker.held_back(until)
                self.slow.held = max(self.slow.held, until)
        if count:
            promise = self.breaker.promise(count)
            if promise is not None:
                self.slow.promised += count
                self.slow.saved -= count
            self.pending.append(Pending(target, count, promise, self.thaws))

    def answer(self, pending: Pending, accepted: bool) -> None:
        """The write was accepted, or refused."""
        count, promise = pending.count, pending.promise
        if promise is not None:
            promise.settle(self.now, gone=accepted)
        if promise is not None and (pending.thaw, self.slow.state) == (self.thaws, "thawing"):
            self.slow.promised -= count
            if accepted:
                self.slow.gone.append((self.now, count))
                self.gone.append((self.now, count, self.thaws))
            else:
                self.slow.saved += count
        if accepted:
            pending.target.replicas = max(1, pending.target.replicas - count)

    def count_thaws(self) -> None:
        self.thaws += sum(turn.to == "thawing" for turn in self.breaker.turns())

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "slow"):
            return
        self.breaker.allows(1, self.now)
        self.slow.look(self.now)
        self.count_thaws()
        assert self.breaker.state == self.slow.state
        assert sum(self.breaker.opened.values()) == self.slow.opened
        tally = self.breaker.metrics
        assert (tally.fresh, tally.degraded) == self.slow.counts(self.now)
        if self.share == 0:
            assert self.breaker.state == "closed"

    def teardown(self) -> None:
        if hasattr(self, "slow"):
            self.check_pace()
            self.check_end()

    def check_pace(self) -> None:
        """In no minute of a thaw goes more than its share, or than one smallest step."""
        for index, (end, _, thaw) in enumerate(self.gone):
            window = [
                (then, count)
                for then, count, which in self.gone[: index + 1]
                if which == thaw and then > end - MINUTE
            ]
            before = [total for then, total in self.totals if then <= end - MINUTE][-1:]
            during = [total for then, total in self.totals if end - MINUTE < then <= end]
            most = max(before + during)
            went = sum(count for _, count in window)
            assert went * 100 <= self.percent * most or len(window) == 1
            if len(window) == 1 and went * 100 > self.percent * most:
                assert went in (1, 5)

    def check_end(self) -> None:
        """Once all is well again nothing is ever stuck."""
        self.broken.clear()
        chance = Random(0)
        for _ in range((32 * MINUTE + HOUR) // PERIOD):
            self.evaluate(chance, 1)
            self.now += PERIOD
            if self.breaker.state == "closed":
                return
        assert self.breaker.state == "closed" or not self.fleet


def any_signals(chance: Random) -> tuple[Metric, ...]:
    """One to three metrics, each asked for once."""
    names = chance.sample(NAMES, chance.randint(1, 3))
    return tuple(Metric(chance.choice(("External", "Resource")), name, 1000, 100) for name in names)


def test_fleets_meet_every_state():
    """The same machine at random: so that what it goes through is known not to be dull."""
    met: Counter[str] = Counter()
    for seed in range(40):
        chance, fleets = Random(seed), Fleets()
        fleets.begin(chance, chance.randint(8, 30), 50, 10)
        for _ in range(25):
            _anything(fleets, chance)
            fleets.agrees()
            met[fleets.breaker.state] += 1
        fleets.check_pace()
        fleets.check_end()
        met["gone in a thaw"] += len(fleets.gone)
        met["in one step"] += sum(count == 5 for _, count, _ in fleets.gone)
        met["opened"] += fleets.slow.opened
    assert min(met[one] for one in ("closed", "open", "thawing", "gone in a thaw")) > 20, met
    assert min(met["opened"], met["in one step"]) > 10, met


def _anything(fleets: Fleets, chance: Random) -> None:
    steps: tuple[Callable[[], None], ...] = (
        lambda: fleets.break_metrics(chance),
        fleets.heal_metrics,
        lambda: fleets.edit(chance),
        lambda: fleets.join(chance),
        lambda: fleets.leave(chance),
        lambda: fleets.wait(chance.randint(0, MINUTE)),
        lambda: fleets.evaluate(chance, 12),
        lambda: fleets.evaluate(chance, 12),
    )
    chance.choice(steps)()


TestFleets = Fleets.TestCase
TestFleets.settings = settings(max_examples=60, stateful_step_count=20)
