"""The rules of scaling once more: slow, obvious, in fractions, written from the documents alone.

It shares with the code only the types of its inputs. Numbers in parentheses are the decisions and
sections that a line restates. What one source asks for is in `tests.oracle.opinions`.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

from scaler.core.observed import Memory, Observed, PodCounts, Timer
from scaler.core.spec import Spec
from tests.oracle.opinions import opinions, within
from tests.oracle.sources import Source


@dataclass(frozen=True)
class Expected:
    """What should come out. `limit` is the reason of ScalingLimited, None where it keeps its state.

    `active` is the status of ScalingActive, None where it keeps its state. `memory` is what is
    remembered before anything is written to the target. `asked` is the count before all limits,
    `winner` the source that asked for it where every one has a say (§12, D25).
    """

    desired: int
    active: bool | None
    memory: Memory
    limit: str | None = None
    asked: int | None = None
    winner: int | None = None


def expected(spec: Spec, world: Observed, sources: tuple[Source, ...], now: int) -> Expected:
    """The count to have at `now`, and the state that it leaves.

    The readings of `world` are not looked at: what counts is what the `sources` said.
    """
    scale, pods = world.scale, world.pods
    monitor = world.monitor
    watched = spec.lifecycle.on
    if watched and (monitor is None or monitor.error or monitor.state != "OK"):  # §19
        return Expected(0, False, world.memory)
    if scale is None:
        return Expected(0, False, world.memory)
    current = scale.spec_replicas
    switched_off = current == 0
    in_bounds = spec.min_replicas <= current <= spec.max_replicas
    if not switched_off and not in_bounds:  # both before anything else (D14)
        return Expected(within(current, spec), None, world.memory)
    if (
        switched_off
        or scale.status_replicas == 0
        or world.selector_error
        or scale.selector == ""  # D19
        or pods is None
        or pods.owned == 0
        or pods.counted == 0  # D4
        or Fraction(100 * pods.ready, pods.owned) < spec.min_available  # D5
    ):
        return Expected(current, False, world.memory)
    return _on_metrics(spec, world, sources, now, current, pods)


def _on_metrics(
    spec: Spec,
    world: Observed,
    sources: tuple[Source, ...],
    now: int,
    current: int,
    pods: PodCounts,
) -> Expected:
    memory, counted = world.memory, pods.counted
    given = opinions(spec, sources, current, counted)
    present = [opinion for opinion in given if opinion is not None]
    complete = len(present) == len(given)
    if not present:
        return Expected(current, False, memory)

    any_above = any(opinion.above for opinion in present)
    any_below = any(opinion.below for opinion in present)
    above, below = memory.above, memory.below
    above_seen, below_seen = memory.above_seen, memory.below_seen
    if complete or any_above:
        above = _above_timer(above, any_above, above_seen, now, world.period)
        above_seen = now
    if complete:
        below = _below_timer(below, any_below, below_seen, now, world.period)
        below_seen = now
    after = Memory(memory.last_scale, above, below, above_seen, below_seen)

    wanted = max(opinion.replicas for opinion in present)
    winner = [opinion.replicas for opinion in present].index(wanted) if complete else None
    if not complete:
        # A missing metric could only ask for more (D13).
        wanted = max([current, *(opinion.replicas for opinion in present if opinion.above)])
    asked = wanted
    if wanted < current and pods.warming:
        return Expected(current, True, after, None, asked, winner)  # D35
    if _too_large_by_doubt(spec, world, current, wanted):
        return Expected(current, True, after, None, asked, winner)  # V-07
    count, reason = _limited(spec, current, wanted, counted)
    if count != current and not _may_happen(
        spec, count > current, any_above or any_below, above, below, memory.last_scale, now
    ):
        count = current
    count = _by_fleet(spec, world, current, count)
    return Expected(count, True, after, reason, asked, winner)


def multiplies(spec: Spec) -> bool:
    """Whether the number of pods is a factor of any proposal.

    What is summed up and divided by a mark asks for the same however many pods are listed.
    """
    sums_alone = spec.average and all(metric.kind == "External" for metric in spec.metrics)
    return spec.recommender is None and not sums_alone


def _too_large_by_doubt(spec: Spec, world: Observed, current: int, wanted: int) -> bool:
    if not multiplies(spec):
        return False
    return world.doubt == ("more" if wanted > current else "fewer" if wanted < current else "never")


def _by_fleet(spec: Spec, world: Observed, current: int, count: int) -> int:
    """While the breaker is open nothing shrinks; after that what fits, large steps in parts."""
    fleet = world.fleet
    if fleet is None or count >= current:
        return count
    if fleet.state == "frozen":
        return current
    least = current - fleet.portion
    if count < least:
        count = next(n for n in range(least, current + 1) if n == current or n % spec.modulo == 0)
    return count if current - count <= fleet.allowance else current


def _limited(spec: Spec, current: int, wanted: int, counted: int) -> tuple[int, str]:
    """Velocity, bounds, multiples (§13, D8, D25)."""
    if wanted < current:
        return _limited_down(spec, current, wanted, counted)
    if wanted > current:
        return _limited_up(spec, current, wanted)
    return current, "DesiredWithinRange"


def _limited_up(spec: Spec, current: int, wanted: int) -> tuple[int, str]:
    fastest = current
    if spec.up_factor:
        share = floor(Fraction(spec.up_factor, 1000) * current / 100)
        fastest += max(1, share, _distance(current, spec.modulo, +1))
    count, reason = wanted, "DesiredWithinRange"
    if wanted > min(fastest, spec.max_replicas):
        count = min(fastest, spec.max_replicas)
        reason = "ScaleUpLimit" if fastest <= spec.max_replicas else "TooManyReplicas"
    bound_limits = count == spec.max_replicas and wanted > spec.max_replicas
    if count != current and not bound_limits:
        aligned = current
        for candidate in range(count, current, -1):
            if candidate % spec.modulo == 0:
                aligned = candidate
                break
        if aligned != count and reason == "DesiredWithinRange":
            reason = "ModuloAlignment"
        count = aligned
    return count, reason


def _limited_down(spec: Spec, current: int, wanted: int, counted: int) -> tuple[int, str]:
    slowest = current
    if spec.down_factor:
        share = floor(Fraction(spec.down_factor, 1000) * current / 100)
        slowest -= max(1, share, _distance(current, spec.modulo, -1))
    count, reason = wanted, "DesiredWithinRange"
    if wanted < max(slowest, spec.min_replicas):
        count = max(slowest, spec.min_replicas)
        reason = "ScaleDownLimit" if slowest >= spec.min_replicas else "TooFewReplicas"
        if wanted < slowest and counted < count:
            return current, "ScaleDownLimit"  # not below what is not even ready
    bound_limits = count == spec.min_replicas and wanted < spec.min_replicas
    if count != current and not bound_limits:
        aligned = current
        for candidate in range(count, current):
            if candidate % spec.modulo == 0:
                aligned = candidate
                break
        if aligned != count and reason == "DesiredWithinRange":
            reason = "ModuloAlignment"
        count = aligned
    return count, reason


def _distance(current: int, step: int, direction: int) -> int:
    away = 1
    while (current + direction * away) % step:
        away += 1
    return away


def _may_happen(
    spec: Spec,
    up: bool,
    out_of_range: bool,
    above: Timer,
    below: Timer,
    last_scale: int | None,
    now: int,
) -> bool:
    """Forbidden windows and delays (§14, D12)."""
    window = spec.up_window if up else spec.down_window
    if last_scale is not None and now - last_scale < window * 1000:
        return False
    delay = spec.up_delay if up else spec.down_delay
    if not out_of_range or delay == 0:
        return True
    timer = above if up else below
    if not timer.holds or timer.since is None:
        return False
    return delay - (now - timer.since) // 1000 <= 0


def _seconds(moment: int) -> int:
    return floor(Fraction(moment, 1000)) * 1000


def _above_timer(timer: Timer, holds: bool, seen: int | None, now: int, period: int) -> Timer:
    """A long gap is taken off the time spent above; an unknown one is not (D15)."""
    if timer.since is None or timer.holds != holds:
        return Timer(holds, _seconds(now))
    if holds and seen is not None and now - seen > Fraction(7, 2) * period:
        return Timer(True, _seconds(min(timer.since + (now - seen), now)))
    return timer


def _below_timer(timer: Timer, holds: bool, seen: int | None, now: int, period: int) -> Timer:
    """A long gap, or an unknown one, starts the time spent below anew (D15)."""
    if timer.since is None or timer.holds != holds:
        return Timer(holds, _seconds(now))
    if holds and (seen is None or now - seen > Fraction(7, 2) * period):
        return Timer(True, _seconds(now))
    return timer
