"""How much memory the flight recorders of 5,000 objects take over a day: prints JSON.

Some objects are played for a virtual day, one evaluation every 15 s with a wandering value, and the
memory that tracemalloc sees is scaled to the fleet. The target is 100 MB; a record in a packed
batch should take at most 300 bytes.
"""

import json
import platform
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from random import Random

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.metric_spec import Metric
from scaler.core.observed import Memory, Observed, PodCounts, Reading, Scale
from scaler.core.record import Record, pack
from scaler.core.spec import Spec
from scaler.core.wire import TargetReference
from scaler.state.flight import BATCH, Flight

OBJECTS = 20
FLEET = 5_000
TURNS = 24 * 240
PERIOD = 15_000
NOW = 1_800_000_000_000
SPEC = Spec(
    namespace="shop",
    name="consumer",
    target=TargetReference("Deployment", "consumer", "apps/v1"),
    max_replicas=50,
    metrics=(Metric("External", "queue_depth", 1_000_000, 100_000),),
    average=True,
    up_delay=60,
    down_delay=300,
)


def records(chance: Random) -> Iterator[Record]:
    """A day of one object whose load wanders through all regions."""
    load, current, memory = 5_000_000, 10, Memory()
    for turn in range(TURNS):
        now = NOW + turn * PERIOD
        load = max(100_000, min(60_000_000, load + chance.randint(-900_000, 900_000)))
        observed = Observed(
            scale=Scale(current, current, "app=consumer"),
            pods=PodCounts(current, current, current, current),
            readings=(Reading("ok", load, 1, now),),
            memory=memory,
        )
        decision = decide(SPEC, observed, now)
        current, memory = decision.desired, decision.memory
        yield Record(now, 1, observed, Applied(), decision.rule)


def main() -> int:
    """Print the figures; the exit code says whether the targets were reached."""
    sample = list(islice(records(Random(0)), BATCH))
    tracemalloc.start()
    flights = [Flight() for _ in range(OBJECTS)]
    changes = 0
    for number, flight in enumerate(flights):
        flight.version_of(SPEC)
        rule = ""
        for record in records(Random(number)):
            flight.add(record)
            changes += record.rule != rule
            rule = record.rule
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    megabytes = used / OBJECTS * FLEET / 1e6
    per_record = len(pack(sample)) / len(sample)
    document = {
        "benchmark": "flight",
        "python": platform.python_version(),
        "objects": FLEET,
        "changes_of_reason_per_object": round(changes / OBJECTS),
        "megabytes": round(megabytes, 1),
        "target_megabytes": 100,
        "bytes_per_record_in_a_batch": round(per_record, 1),
        "target_bytes_per_record": 300,
    }
    json.dump(document, sys.stdout, indent=2)
    print()
    return int(megabytes > 100 or per_record > 300)


if __name__ == "__main__":
    sys.exit(main())
