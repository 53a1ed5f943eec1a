"""What a decision is made of: the rules by name, each one's effect, and the outcome as data.

Conditions, events, log lines, metrics and sentences are derived from a `Decision`, never kept
beside it.
"""

from typing import Final, Literal

from msgspec import Struct

from kube.vocab.times import Millis
from scaler.core.lifecycle import Monitor
from scaler.core.limits import Limited
from scaler.core.observed import Memory, PodCounts, Reading
from scaler.core.timing import Windows
from scaler.core.watermarks import Proposal

Rule = Literal[
    "invalid_spec",
    "monitor_unreadable",
    "monitor_not_ok",
    "target_unreadable",
    "scaling_disabled",
    "above_max_replicas",
    "below_min_replicas",
    "no_running_replicas",
    "invalid_selector",
    "pods_unreadable",
    "no_pods",
    "none_ready",
    "not_enough_available",
    "metric_unavailable",
    "within_watermarks",
    "zero_value",
    "above_watermark",
    "below_watermark",
    "converge",
    "recommendation",
    "guarded_by_current",
    "warming_up",
    "pods_differ",
    "scale_up_limit",
    "scale_down_limit",
    "max_replicas",
    "min_replicas",
    "modulo_alignment",
    "upscale_window",
    "downscale_window",
    "upscale_delay",
    "downscale_delay",
    "fleet_frozen",
    "fleet_thaw",
]
"""Every rule that can decide an evaluation: a closed set, used as label and as reason."""


FLEET_RULES: Final[frozenset[Rule]] = frozenset({"fleet_frozen", "fleet_thaw"})
"""The rules that are about other autoscalers' metrics: all that `Observed.fleet` does."""
_UNSEEN: Final[frozenset[Rule]] = frozenset(
    {"monitor_unreadable", "monitor_not_ok", "target_unreadable"}
)
_FAILURES: Final[frozenset[Rule]] = frozenset(
    {
        "pods_unreadable",
        "no_pods",
        "none_ready",
        "not_enough_available",
        "metric_unavailable",
    }
)


class Step(Struct, frozen=True, gc=False):
    """One rule's effect on the count; `wait` in milliseconds for rules that end by themselves."""

    rule: Rule
    before: int
    after: int
    detail: str = ""
    wait: int = 0


class Course:
    """The count on its way through the rules, and the trace it leaves."""

    def __init__(self, current: int) -> None:
        self.current = current
        self.count = current
        self.steps: list[Step] = []

    def take(self, rule: Rule, count: int, detail: str = "", wait: int = 0) -> None:
        """`rule` makes the count `count`."""
        self.steps.append(Step(rule, self.count, count, detail, wait))
        self.count = count

    def hold(self, rule: Rule, detail: str = "", wait: int = 0) -> None:
        """`rule` keeps the target as it is."""
        self.take(rule, self.current, detail, wait)


class Decision(Struct, frozen=True, gc=False):
    """The outcome of one evaluation.

    `desired` is the count to have now, `current` the one that is asked of the target already,
    `running` the one it reports, `asked` what the metrics ask for before limits. `steps` are the
    effects in order; the last one bound the outcome.
    `proposals` and `readings` are in the order of the specification's signals (None: no proposal).
    `unavailable` names the metrics without a value and their states. What was not reached is None:
    then its conditions keep their state. `monitor` is that of lifecycle control, None without it.
    """

    at: Millis
    steps: tuple[Step, ...]
    desired: int
    current: int = 0
    running: int = 0
    asked: int = 0
    why: str = ""
    memory: Memory = Memory()
    pods: PodCounts | None = None
    readings: tuple[Reading, ...] = ()
    proposals: tuple[Proposal | None, ...] = ()
    winner: int | None = None
    unavailable: str = ""
    limited: Limited | None = None
    windows: Windows | None = None
    monitor: Monitor | None = None

    @property
    def rule(self) -> Rule:
        """The one rule that bound the outcome."""
        return self.steps[-1].rule

    @property
    def binding(self) -> Step:
        """The step of the binding rule."""
        return self.steps[-1]

    @property
    def scales(self) -> bool:
        """Whether the target's count has to change."""
        return self.desired != self.current

    @property
    def target_seen(self) -> bool:
        """Whether the target was read, so that its counts mean something."""
        return self.rule not in _UNSEEN

    @property
    def failed(self) -> bool:
        """Whether no replica count could be computed."""
        return self.rule in _FAILURES and not self.evaluated

    @property
    def evaluated(self) -> bool:
        """Whether at least one metric gave a proposal."""
        return self.winner is not None
