"""Whatever happens to an autoscaler, in any order: it decides as the rules say (`tests.oracle`).

Metrics of both kinds and recommenders; edits, pods, faults, scaling by hand, failed writes, gaps
and restarts. `Trial.evaluate` compares; the machine only makes things happen.
"""

from collections.abc import Callable
from random import Random
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kube.vocab.times import SECOND
from scaler.core.observed import ReadingState
from scaler.core.trace import Rule
from tests.oracle.chance import any_fleet
from tests.oracle.trial import Trial
from tests.oracle.worlds import plain_spec

ORDINARY = plain_spec(
    max_replicas=60, up_factor=50_000, down_factor=20_000, up_delay=30, down_delay=60
)
PERIOD = 15 * SECOND
FAULTS: tuple[ReadingState, ...] = (
    "empty", "nan", "infinite", "stale", "error", "forbidden", "not_found",
)  # fmt: skip
TROUBLES = ("scale", "selector", "pods", "pod list", "monitor", "alert")
NOT_HERE = {"invalid_spec"}
"""An object that is refused is not decided about."""
SHORT_GAP = (PERIOD, 52 * SECOND)
LONG_GAP = (53 * SECOND, 900 * SECOND)

chances = st.integers(0, 2**32).map(Random)


class Life(RuleBasedStateMachine):
    """A life of one autoscaler."""

    @initialize(chance=chances, replicas=st.integers(1, 40))
    def begin(self, chance, replicas):
        self.trial = Trial(ORDINARY, replicas=replicas)
        self.trial.edit(chance)
        self.trial.reconcile()
        self.trial.wait(3600 * SECOND)

    @rule(chance=chances)
    def edit(self, chance):
        self.trial.edit(chance)

    @rule(chance=chances)
    def sample(self, chance):
        self.trial.sample(chance)

    @rule(indexes=st.sampled_from(((0,), (1,), (0, 1, 2))), state=st.sampled_from(FAULTS))
    def fail_metrics(self, indexes, state):
        for index in indexes:
            self.trial.fail_metric(index, state)

    @rule(replicas=st.one_of(st.integers(1, 20), st.integers(0, 80)))
    def scale_by_hand(self, replicas):
        self.trial.scale_by_hand(replicas)

    @rule(count=st.one_of(st.integers(1, 3), st.integers(1, 80)))
    def break_pods(self, count):
        self.trial.break_pods(min(count, len(self.trial.pods)))

    @rule(chance=chances, count=st.integers(1, 30))
    def lose_usage(self, chance, count):
        self.trial.lose_usage(chance, count)

    @rule()
    def heal_pods(self):
        self.trial.heal_pods()

    @rule(fails=st.booleans())
    def writes(self, fails):
        self.trial.write_fails = fails

    @rule(chance=chances)
    def hear_of_the_fleet(self, chance):
        self.trial.fleet = any_fleet(chance)

    @rule(count=st.integers(-2, 2))
    def report_other_pods(self, count):
        self.trial.unlisted = count

    @rule(with_lease=st.booleans())
    def restart(self, with_lease):
        self.trial.restart(with_lease=with_lease)

    @rule(turns=st.integers(1, 30), jitter=st.integers(0, 999))
    def evaluate_steadily(self, turns, jitter):
        for _ in range(turns):
            self.trial.wait(PERIOD + jitter)
            self.trial.evaluate()
            self.trial.reconcile()

    @rule(turns=st.integers(1, 30), chance=chances, follows=st.booleans())
    def evaluate_while_values_wander(self, turns, chance, follows):
        for _ in range(turns):
            self.trial.wait(PERIOD + chance.randint(0, 999))
            if chance.randint(0, 3) == 0:
                self.trial.sample(chance)
            self.trial.evaluate()
            if follows:
                self.trial.reconcile()

    @rule(turns=st.integers(1, 6), trouble=st.sampled_from(TROUBLES))
    def evaluate_half_blind(self, turns, trouble):
        self.trial.trouble = trouble
        Life.evaluate_steadily(self, turns, 0)
        self.trial.trouble = ""

    @rule(gap=st.one_of(st.integers(*SHORT_GAP), st.integers(*LONG_GAP)))
    def evaluate_after_a_gap(self, gap):
        self.trial.wait(gap)
        self.trial.evaluate()
        self.trial.reconcile()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=40)


def test_lives_meet_every_rule():
    """The same machine at random: so that the lives it leads are known not to be dull."""
    met: set[str] = set()
    for seed in range(250):
        chance, life = Random(seed), Life()
        life.begin(chance, chance.randint(1, 40))
        for _ in range(30):
            _anything(life, chance)
        met |= life.trial.met
    assert met == set(get_args(Rule)) - NOT_HERE


def _anything(life: Life, chance: Random) -> None:
    steps: tuple[Callable[[], None], ...] = (
        lambda: life.edit(chance),
        lambda: life.fail_metrics((chance.randint(0, 2),), chance.choice(FAULTS)),
        lambda: life.scale_by_hand(chance.randint(0, 30)),
        lambda: life.break_pods(chance.randint(1, 20)),
        lambda: life.lose_usage(chance, chance.randint(1, 20)),
        life.heal_pods,
        lambda: life.hear_of_the_fleet(chance),
        lambda: life.report_other_pods(chance.choice((0, 0, 0, -1, 1))),
        lambda: life.writes(chance.random() < 0.2),
        lambda: life.restart(with_lease=chance.random() < 0.5),
        lambda: life.evaluate_steadily(chance.randint(1, 20), chance.randint(0, 999)),
        lambda: life.evaluate_while_values_wander(20, chance, chance.random() < 0.8),
        lambda: life.evaluate_half_blind(2, chance.choice(TROUBLES)),
        lambda: life.evaluate_after_a_gap(chance.randint(*LONG_GAP)),
    )
    chance.choice(steps)()
