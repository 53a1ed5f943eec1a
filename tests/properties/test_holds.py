"""Nothing moves while anything says hold: told from what was seen alone, never from the trace."""

from collections.abc import Iterator
from random import Random
from typing import Literal

from scaler.core.decision import decide
from scaler.core.observed import Timer
from tests.oracle.opinions import Opinion, opinions
from tests.oracle.rules import multiplies
from tests.oracle.scenes import Scene, any_scene

Direction = Literal["up", "down"]
Hold = tuple[str, Direction]

SWEEP = 15_000
BOTH: tuple[Direction, ...] = ("up", "down")


def gates(scene: Scene) -> Iterator[str]:
    """What keeps metrics from having a say (§19, D14, D4, D5, D19)."""
    spec, scale, pods = scene.spec, scene.world.scale, scene.world.pods
    if blocked(scene):
        yield "monitor"
    if scale is None:
        yield "no target"
        return
    if scale.spec_replicas == 0:
        yield "switched off"
    if scale.status_replicas == 0:
        yield "not running"
    if scene.world.selector_error or not scale.selector:
        yield "no selector"
    if pods is None:
        yield "no pods read"
        return
    if pods.counted == 0:
        yield "no pod counts"
    elif 100 * pods.ready < spec.min_available * pods.owned:
        yield "too few available"


def blocked(scene: Scene) -> bool:
    """Whether lifecycle control closes everything, corrections too (§19)."""
    monitor = scene.world.monitor
    return scene.spec.lifecycle.on and (
        monitor is None or bool(monitor.error) or monitor.state != "OK"
    )


def holds(scene: Scene) -> Iterator[Hold]:
    """Every reason not to move, and the direction that it closes."""
    closed = list(gates(scene))
    for gate in closed:
        yield from ((gate, direction) for direction in BOTH)
    scale, pods = scene.world.scale, scene.world.pods
    if closed or scale is None or pods is None:
        return
    asked = opinions(scene.spec, scene.sources, scale.spec_replicas, pods.counted)
    present = [opinion for opinion in asked if opinion is not None]
    if not present:
        yield from (("no evidence", direction) for direction in BOTH)
    if len(present) < len(asked):
        yield "missing evidence", "down"
    if pods.warming:
        yield "warming up", "down"
    if scene.world.doubt and multiplies(scene.spec):
        yield "pods differ", "down" if scene.world.doubt == "fewer" else "up"
    fleet = scene.world.fleet
    if fleet is not None and (fleet.state == "frozen" or fleet.allowance == 0):
        yield "fleet", "down"
    yield from waits(scene, present)


def waits(scene: Scene, present: list[Opinion]) -> Iterator[Hold]:
    """Forbidden windows, and delays where a value lies outside its marks (§14)."""
    spec, memory = scene.spec, scene.world.memory
    if memory.last_scale is not None:
        if scene.now < memory.last_scale + spec.up_window * 1000:
            yield "window", "up"
        if scene.now < memory.last_scale + spec.down_window * 1000:
            yield "window", "down"
    if any(opinion.above or opinion.below for opinion in present):
        if _too_short(memory.above, spec.up_delay, scene.now):
            yield "delay", "up"
        if _too_short(memory.below, spec.down_delay, scene.now):
            yield "delay", "down"


def _too_short(timer: Timer, delay: int, now: int) -> bool:
    if delay == 0:
        return False
    return not timer.holds or timer.since is None or now - timer.since < delay * 1000


def test_nothing_moves_while_anything_says_hold():
    met: set[Hold] = set()
    moves = 0
    for seed in range(SWEEP):
        scene = any_scene(Random(seed))
        decision = decide(scene.spec, scene.world, scene.now)
        scale, spec = scene.world.scale, scene.spec
        if scale is not None and scale.spec_replicas != 0 and not blocked(scene):
            lowest, highest = spec.min_replicas, spec.max_replicas
            if not lowest <= scale.spec_replicas <= highest:
                continue  # brought back at once, whatever else is wrong (D14)
        reasons = set(holds(scene))
        met |= reasons
        moves += decision.scales
        moved = "up" if decision.desired > decision.current else "down"
        if decision.scales:
            assert [why for why, direction in reasons if direction == moved] == [], scene
    assert len(met) == 2 * 9 + 9  # nine that close both directions, nine that close one
    assert moves > SWEEP // 50
