"""How long one sweep over 10,000 objects takes: `python -m bench.fleet` prints JSON.

Every object has marks, delays and values of its own, so that all regions are met; `decide` runs
once for each, with its trace. No I/O, timed in this process's own CPU seconds; the median of the
sweeps counts. The target is half a second.
"""

import gc
import json
import platform
import statistics
import sys
import time
from collections import Counter
from random import Random

from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale, Timer
from scaler.core.spec import Spec
from scaler.core.trace import Decision
from scaler.core.wire import TargetReference

OBJECTS = 10_000
SWEEPS = 9
TARGET_SECONDS = 0.5
NOW = 1_800_000_000_000


def one(chance: Random, number: int) -> tuple[Spec, Observed]:
    """An object with one to three External metrics, and a look at its target."""
    high, count = chance.randint(10, 5000) * 1000, chance.randint(1, 50)
    names = [f"queue_depth_{index}" for index in range(chance.choice((1, 1, 2, 3)))]
    spec = Spec(
        namespace="shop",
        name=f"consumer-{number}",
        target=TargetReference("Deployment", f"consumer-{number}", "apps/v1"),
        max_replicas=50,
        metrics=tuple(Metric("External", name, high, high // 3) for name in names),
        average=chance.random() < 0.5,
        up_delay=chance.choice((0, 60)),
        down_delay=chance.choice((0, 300)),
    )
    scope = high * (count if spec.average else 1)
    readings = tuple(Reading("ok", chance.randint(0, 2 * scope), 1, NOW) for _ in names)
    above, seen = chance.random() < 0.5, NOW - 15_000
    since = NOW - chance.randint(0, 600) * 1000
    scaled = NOW - chance.randint(0, 1200) * 1000
    observed = Observed(
        scale=Scale(count, count, f"app=consumer-{number}"),
        pods=PodCounts(listed=count, owned=count, ready=count, counted=count),
        readings=readings,
        memory=Memory(scaled, Timer(above, since), Timer(not above, since), seen, seen),
    )
    return spec, observed


def sweep(fleet: list[tuple[Spec, Observed]]) -> tuple[float, list[Decision]]:
    """CPU seconds for one decision per object, and the decisions."""
    gc.collect()
    started = time.process_time()
    decisions = [decide(spec, observed, NOW) for spec, observed in fleet]
    return time.process_time() - started, decisions


def main() -> int:
    """Print the figures; the exit code says whether the target was reached."""
    chance = Random(0)
    fleet = [one(chance, number) for number in range(OBJECTS)]
    _, decisions = sweep(fleet)  # warms up, and shows that the fleet is not all alike
    seconds = [sweep(fleet)[0] for _ in range(SWEEPS)]
    median = statistics.median(seconds)
    document = {
        "benchmark": "fleet",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "objects": OBJECTS,
        "sweeps": SWEEPS,
        "seconds_per_sweep": round(median, 3),
        "slowest_sweep": round(max(seconds), 3),
        "target_seconds": TARGET_SECONDS,
        "target_reached": median <= TARGET_SECONDS,
        "objects_by_binding_rule": dict(Counter(made.rule for made in decisions).most_common()),
    }
    json.dump(document, sys.stdout, indent=2)
    print()
    return 0 if median <= TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
