"""What 5,000 autoscalers on 20 rules cost Prometheus, and the adapter for each question.

Run: `python -m bench.planner`. Prints JSON. Queries are counted in virtual time, in the second
cycle of 15 s; the target is at most 100. Times are of the pure parts, for 250 questions at once.
"""

import asyncio
import json
import platform
import sys
from collections.abc import Callable
from time import perf_counter

import looptime

from adapter.core.planner_answers import split
from adapter.core.planner_proof import plan_of
from adapter.core.planner_shape import Plan
from adapter.core.question import Question
from adapter.core.results import Answer, Sample
from kube.vocab.selectors import parse_selector
from tests.unit.adapter.fleet import Fleet

TARGET = 100
SIZES = [250] * 20
ROUNDS = 20


async def queries_per_cycle() -> tuple[int, int]:
    """Queries and reads in a cycle of a fleet in operation."""
    fleet = Fleet(SIZES)
    refreshing = asyncio.create_task(fleet.refresher.run())
    await fleet.cycle()
    cost = await fleet.cycle()
    refreshing.cancel()
    return cost, len(fleet.members)


def microseconds() -> dict[str, float]:
    """Time per question of preparing, planning, and of merging and splitting 250."""
    fleet = Fleet([250])
    rule, _ = fleet.members[0]
    selectors = [parse_selector(f"queue=queue-{number}.x") for number in range(250)]
    sink: list[Question] = []

    def prepare() -> None:
        sink[:] = [rule.question(selector, "team") for selector in selectors]

    def plan() -> None:
        for question in sink:
            plan_of(question)

    def merge_and_split() -> None:
        asked = [question.values for question in sink]
        shape.promql(asked)
        split(shape, answer, asked)

    def timed(work: Callable[[], None]) -> float:
        best = min(_seconds(work) for _ in range(ROUNDS))
        return round(best / len(selectors) * 1e6, 2)

    prepared = timed(prepare)
    found = plan_of(sink[0])
    assert isinstance(found, Plan)
    shape = found.values
    answer = Answer(
        tuple(
            Sample({"queue": queue, "namespace": namespace}, 0, 1000)
            for queue, namespace in (question.values for question in sink)
        )
    )
    return {
        "prepare": prepared,
        "plan": timed(plan),
        "merge_and_split": timed(merge_and_split),
    }


def main() -> int:
    """Print the figures; the exit code says whether the target was reached."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        cost, reads = runner.run(queries_per_cycle())
    document = {
        "benchmark": "planner",
        "python": platform.python_version(),
        "autoscalers": reads,
        "rules": len(SIZES),
        "queries_per_cycle": cost,
        "target_queries_per_cycle": TARGET,
        "microseconds_per_question": microseconds(),
    }
    print(json.dumps(document, indent=2))
    return int(cost > TARGET)


def _seconds(work: Callable[[], None]) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


if __name__ == "__main__":
    sys.exit(main())
