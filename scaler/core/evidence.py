"""All metrics together: who proposes what, who wins, what is missing (wpa-behaviour §12, D13)."""

from msgspec import Struct

from scaler.core.observed import Observed, Reading
from scaler.core.spec import Spec
from scaler.core.watermarks import Proposal, propose

_NOT_READ = Reading("error", detail="the metric was not read")
_NO_RECOMMENDER = Reading("error", detail="recommenders are not supported by this version")


class Evidence(Struct, frozen=True, gc=False):
    """Readings and proposals in the order of the specification's metrics.

    A metric without a value has no proposal. `winner` is the index of the largest proposal (the
    first of equals), None without any; `unavailable` lists the others as `name: state`. While one
    is missing there is no converging (D13), so that proposal then counts as the current count.
    """

    readings: tuple[Reading, ...]
    proposals: tuple[Proposal | None, ...]
    winner: int | None
    unavailable: str

    @property
    def above(self) -> bool:
        """Whether any value is above its high mark."""
        return any(proposal.region == "above" for proposal in self.proposals if proposal)

    @property
    def below(self) -> bool:
        """Whether any value is below its low mark."""
        return any(proposal.region == "below" for proposal in self.proposals if proposal)

    @property
    def complete(self) -> bool:
        """Whether every metric gave a proposal."""
        return None not in self.proposals

    @property
    def best(self) -> Proposal | None:
        """The winning proposal."""
        return None if self.winner is None else self.proposals[self.winner]


def weigh(spec: Spec, observed: Observed, current: int, counted: int) -> Evidence:
    """What the readings of `observed` propose for a target at `current` with `counted` pods."""
    readings = _readings(spec, observed)
    proposals = tuple(
        propose(spec, metric, reading, current, counted) if reading.good else None
        for metric, reading in zip(spec.metrics, readings, strict=False)
    )
    return Evidence(readings, proposals, _winner(proposals, current), _unavailable(spec, readings))


def _winner(proposals: tuple[Proposal | None, ...], current: int) -> int | None:
    winner, most = None, 0
    for index, proposal in enumerate(proposals):
        if proposal is None:
            continue
        drifts = proposal.convergence == "taken" and None in proposals
        replicas = current if drifts else proposal.replicas
        if winner is None or replicas > most:
            winner, most = index, replicas
    return winner


def _readings(spec: Spec, observed: Observed) -> tuple[Reading, ...]:
    """One reading per metric, whatever the observer brought; unread is unavailable."""
    if spec.recommender is not None:
        return (_NO_RECOMMENDER,)
    given = tuple(observed.readings[: len(spec.metrics)])
    return given + (_NOT_READ,) * (len(spec.metrics) - len(given))


def _unavailable(spec: Spec, readings: tuple[Reading, ...]) -> str:
    names = [metric.name for metric in spec.metrics] or ["recommender"]
    return ", ".join(
        f"{name}: {reading.state}"
        for name, reading in zip(names, readings, strict=True)
        if not reading.good
    )
