"""How the last queries of each metric went, for people who look."""

from msgspec import Struct

from kube.vocab.times import Clock


class Outcome(Struct, frozen=True):
    """Ages are seconds; None where there was none yet."""

    result_age: float | None = None
    """Since the last usable answer."""
    error: str | None = None
    """Class of the last failure."""
    error_age: float | None = None


class Outcomes:
    """The last answer and the last failure by metric. Metrics come from rules, so there are few."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: dict[str, float] = {}
        self._failed: dict[str, tuple[str, float]] = {}

    def answered(self, metric: str) -> None:
        """Prometheus gave a usable answer."""
        self._answered[metric] = self._clock.monotonic()

    def failed(self, metric: str, error: str) -> None:
        """A query failed, or its rule refused the answer."""
        self._failed[metric] = (error, self._clock.monotonic())

    def of(self, metric: str) -> Outcome:
        """What is known of `metric`."""
        now = self._clock.monotonic()
        answered, failed = self._answered.get(metric), self._failed.get(metric)
        return Outcome(
            None if answered is None else _age(now, answered),
            None if failed is None else failed[0],
            None if failed is None else _age(now, failed[1]),
        )


def _age(now: float, at: float) -> float:
    return round(now - at, 3)
