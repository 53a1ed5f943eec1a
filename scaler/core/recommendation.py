"""A recommended count becomes a proposal (end of wpa-behaviour §18, D11, D34)."""

from scaler.core.observed import Reading
from scaler.core.recommender import Advice
from scaler.core.spec import HIGHEST_COUNT, Spec
from scaler.core.watermarks import Proposal, Region, up_to_multiple


def recommend(spec: Spec, advice: Advice, reading: Reading, current: int) -> Proposal:
    """What `advice` asks of a target at `current`; the value shown is that of `reading`.

    The recommended count says where to go. Whether that is urgent is said by the bounds: a current
    count between them counts as inside the marks, where delays do not apply, even if it moves.
    """
    if advice.replicas == 0 and not spec.tolerate_zero:
        return Proposal("zero", current, 0)
    if advice.replicas == current:
        return _converge(spec, advice, reading, current)
    asked = up_to_multiple(advice.replicas, spec.modulo)
    if advice.replicas > current:
        return Proposal(_region(advice, current), min(asked, HIGHEST_COUNT), reading.value)
    return Proposal(_region(advice, current), min(asked, current), reading.value)


def _region(advice: Advice, current: int) -> Region:
    """Where `current` lies. Of bounds that exclude each other, the one on the way counts."""
    above, below = current < advice.lower, current > advice.upper
    if above and (advice.replicas > current or not below):
        return "above"
    return "below" if below else "inside"


def _converge(spec: Spec, advice: Advice, reading: Reading, current: int) -> Proposal:
    """At the recommended count: stay, or drift one step as far as the bounds go."""
    if spec.converge is None:
        return Proposal("inside", current, reading.value)
    if spec.converge == "high":
        step = max(current - spec.modulo, 1)
        taken = step >= advice.lower
    else:
        step = current + spec.modulo
        taken = step <= advice.upper
    replicas = step if taken else current
    return Proposal("inside", replicas, reading.value, "taken" if taken else "refused")
