"""A fleet breaker with the usual settings, told by hand."""

from scaler.core.fleet import FleetBreaker
from scaler.core.metric_spec import Metric
from scaler.core.observed import Fleet, ReadingState
from scaler.core.recommender import Recommender
from tests.oracle.worlds import metric

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
BACKLOG = (metric(1000, 100, "backlog"),)


class Fleets:
    """A breaker with the usual settings, and its fleet."""

    def __init__(self, share: int = 50, percent: int = 10) -> None:
        self.breaker = FleetBreaker(share, percent)
        self.at = 0

    def read(
        self,
        count: int,
        state: ReadingState = "ok",
        signals: tuple[Metric | Recommender, ...] = BACKLOG,
        first: int = 0,
        replicas: int = 10,
    ) -> None:
        """`count` autoscalers, from number `first` on, read all their signals in that state."""
        for number in range(first, first + count):
            states = (state,) * len(signals)
            self.breaker.hear(f"u{number}", f"shop/w{number}", signals, states, replicas, self.at)

    def pass_time(self, milliseconds: int) -> str:
        """The state after that time."""
        self.at += milliseconds
        self.breaker.allows(1, self.at)
        return self.breaker.state

    @property
    def fleet(self) -> Fleet | None:
        """What a target with steps of one is allowed."""
        return self.breaker.allows(1, self.at)

    def allowance(self, step: int = 1) -> int:
        """What a target with such steps may lose in a thaw."""
        fleet = self.breaker.allows(step, self.at)
        assert fleet is not None
        assert fleet.state == "thawing"
        return fleet.allowance


def thawing(size: int = 20, replicas: int = 10, percent: int = 10) -> Fleets:
    """A fleet whose outage is just over."""
    found = Fleets(percent=percent)
    found.read(size, replicas=replicas)
    found.read(size, "error", replicas=replicas)
    assert found.breaker.state == "open"
    found.read(size, replicas=replicas)
    assert found.pass_time(MINUTE) == "thawing"
    found.breaker.turns()
    return found
