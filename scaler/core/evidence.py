"""All metrics together: who proposes what, who wins, what is missing (wpa-behaviour §12, D13)."""

from msgspec import Struct, structs

from kube.vocab.quantity import format_milli
from scaler.core.metric_spec import Metric
from scaler.core.observed import Observed, Reading
from scaler.core.recommendation import recommend
from scaler.core.spec import Spec
from scaler.core.watermarks import Proposal, propose

_NOT_READ = Reading("error", detail="the metric was not read")
_NO_ADVICE = Reading("error", detail="the reading holds no recommendation")


class Evidence(Struct, frozen=True, gc=False):
    """Readings and proposals in the order of the specification's signals.

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
    def stable(self) -> bool:
        """Whether every value lies inside its marks, where no delay runs (§12, §14)."""
        return not (self.above or self.below)

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
    proposals: tuple[Proposal | None, ...]
    if spec.recommender is None:
        proposals = tuple(
            propose(spec, metric, reading, current, counted) if reading.good else None
            for metric, reading in zip(spec.metrics, readings, strict=False)
        )
    else:
        proposals = tuple(
            recommend(spec, reading.advice, reading, current)
            if reading.good and reading.advice is not None
            else None
            for reading in readings
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
    """One reading per signal, whatever the observer brought; unread is unavailable."""
    wanted = len(spec.signals)
    given = tuple(observed.readings[:wanted])
    if spec.recommender is not None:
        given = tuple(_NO_ADVICE if one.good and one.advice is None else one for one in given)
    else:
        given = tuple(_credible(*pair) for pair in zip(spec.metrics, given, strict=False))
    return given + (_NOT_READ,) * (wanted - len(given))


def _credible(metric: Metric, reading: Reading) -> Reading:
    """A negative value is no load where even the low mark is positive: it is an error (D38)."""
    if not reading.good or reading.value >= 0 or metric.low <= 0:
        return reading
    detail = (
        f"the value {format_milli(reading.value)} is negative, which no load is: the low watermark "
        f"{format_milli(metric.low)} is positive. Mend the query, or give a low watermark of 0 or "
        "less if the metric may be negative"
    )
    return structs.replace(reading, state="error", detail=detail)


def _unavailable(spec: Spec, readings: tuple[Reading, ...]) -> str:
    return ", ".join(
        f"{signal.name}: {reading.state}"
        for signal, reading in zip(spec.signals, readings, strict=False)
        if not reading.good
    )
