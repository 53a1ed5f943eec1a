"""Two hundred simulated autoscalers over TLS while Prometheus fails at random, as long as asked.

`python -m tests.soak adapter --for 1h` prints a table and fails on a wrong value, one that is too
old, an unhandled exception, or on memory and descriptors that grow. `make test` runs ten seconds.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from random import SystemRandom

import structlog

from kube.vocab.times import parse_duration
from tests.integration.adapter.kit.wire import over_tls
from tests.soak.adapter.run import Plan, soak

SPELLS = ((40.0, 0.0), (20.0, 0.5), (15.0, 1.0), (30.0, 0.1), (50.0, 1.0), (5.0, 0.9))
"""The fifth outlasts what may stand in: then callers have to see the failure."""
GROWTH_MB = 15.0
GROWTH_DESCRIPTORS = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if something went wrong that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak adapter", description=__doc__)
    parser.add_argument("--for", dest="duration", default="10m", help="default: %(default)s")
    parser.add_argument("--autoscalers", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--period", default="2s", help="of each autoscaler (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of choices (default: a random one)")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    plan = Plan(SPELLS, options.autoscalers, parse_duration(options.period) / 1000)
    seconds = parse_duration(options.duration) / 1000
    ledger = asyncio.run(soak(plan, seconds, seed, over_tls))
    growth = ledger.growth()
    if growth.memory > GROWTH_MB:
        ledger.problem(f"memory grows: {growth.memory:.1f} MB between quarters")
    if growth.descriptors > GROWTH_DESCRIPTORS:
        ledger.problem(f"descriptors grow: {growth.descriptors} between quarters")
    _say(f"{options.autoscalers} autoscalers for {options.duration}, seed {seed}\n{ledger.table()}")
    for problem in ledger.problems:
        _say(f"! {problem}")
    return 1 if ledger.problems else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
