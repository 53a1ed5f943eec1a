"""How many decisions one core takes per second: `python bench/decide.py` prints JSON.

The case of one External metric is a target above its mark that is held by its delay, with every
rule on the way. The case of three adds two metrics inside their marks. No I/O, no decoding: one
call of `decide` per decision, timed in this process's own CPU seconds, so that other programs
disturb little. The targets are 50,000 a second with one metric and 15,000 with three.
"""

import json
import platform
import statistics
import sys
import time
from importlib.metadata import version

from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale, Timer
from scaler.core.spec import Spec
from scaler.core.wire import TargetReference

ROUNDS = 9
DECISIONS = 20_000
TARGETS = {1: 50_000, 3: 15_000}
"""Decisions per second by number of metrics."""
NOW = 1_800_000_000_000


def case(metrics: int) -> tuple[Spec, Observed]:
    """A specification with `metrics` External metrics and a look at its target."""
    names = [f"queue_depth_{number}" for number in range(metrics)]
    spec = Spec(
        namespace="shop",
        name="consumer",
        target=TargetReference("Deployment", "consumer", "apps/v1"),
        max_replicas=50,
        metrics=tuple(Metric("External", name, 1_000_000, 100_000) for name in names),
        average=True,
        up_delay=60,
        down_delay=300,
        min_available=50,
    )
    readings = [Reading("ok", 90_000_000, 1, NOW)]
    readings += [Reading("ok", 12_000_000, 1, NOW)] * (metrics - 1)
    seen = NOW - 15_000
    memory = Memory(NOW - 900_000, Timer(True, NOW - 30_000), Timer(False, NOW), seen, seen)
    observed = Observed(
        scale=Scale(20, 20, "app=consumer"),
        pods=PodCounts(listed=20, owned=20, ready=20, counted=20),
        readings=tuple(readings),
        memory=memory,
    )
    return spec, observed


def measure(metrics: int, target: int) -> dict[str, int | bool]:
    """Decisions per second: median of the rounds, and their spread; the first is warming up."""
    spec, observed = case(metrics)
    rates = [_round(spec, observed) for _ in range(ROUNDS + 1)][1:]
    median = round(statistics.median(rates))
    return {
        "metrics": metrics,
        "decisions_per_second": median,
        "target_per_second": target,
        "target_reached": median >= target,
        "slowest_round": round(min(rates)),
        "fastest_round": round(max(rates)),
    }


def _round(spec: Spec, observed: Observed) -> float:
    started = time.process_time()
    for offset in range(DECISIONS):
        decide(spec, observed, NOW + offset % 1000)
    return DECISIONS / (time.process_time() - started)


def main() -> int:
    """Print the figures; the exit code says whether the targets were reached."""
    cases = [measure(metrics, target) for metrics, target in TARGETS.items()]
    reached = all(case["target_reached"] for case in cases)
    document = {
        "benchmark": "decide",
        "python": platform.python_version(),
        "msgspec": version("msgspec"),
        "machine": platform.machine(),
        "rounds": ROUNDS,
        "decisions_per_round": DECISIONS,
        "target_reached": reached,
        "cases": cases,
    }
    json.dump(document, sys.stdout, indent=2)
    print()
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
