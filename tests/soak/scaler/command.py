"""Scalers under everything that can go wrong around them, in virtual or in real time.

`python -m tests.soak scaler --virtual 4h`: two whole scalers in this process, ended and started
again, in the loop's own time. `--real 20m`: wpa-adapter and two wpa-scalers as processes, never
ended. Both print what the weather is, write a report to out/soak, and fail on a lost status write,
an unhandled exception, a scaling that must not be, or on anything that grows.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

import looptime

from kube.vocab.times import parse_duration
from tests.integration.scaler.world import world
from tests.soak.scaler.plan import Plan
from tests.soak.scaler.real import real
from tests.soak.scaler.report import Report
from tests.soak.scaler.virtual import Run

FEW, MANY = 20, 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if something went wrong that must not."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak scaler",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--virtual", metavar="DURATION", help="so long in virtual time")
    parser.add_argument("--real", metavar="DURATION", help="so long in real time")
    parser.add_argument("--autoscalers", type=int, help=f"default: {FEW}, and {MANY} in real time")
    parser.add_argument("--seed", type=int, help="of all choices (default: a random one)")
    options = parser.parse_args(arguments)
    if bool(options.virtual) == bool(options.real):
        parser.error("one of --virtual and --real is needed, for example --virtual 4h")
    seed = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    seconds = parse_duration(options.virtual or options.real) / 1000
    if options.virtual:
        plan = Plan(seconds, options.autoscalers or FEW, seed)
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            report = runner.run(_virtual(plan))
    else:
        # The played cluster's server tells of every caller that the weather has cut off.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
        report = asyncio.run(_real(Plan(seconds, options.autoscalers or MANY, seed)))
    path = report.write()
    say(f"\n{report.markdown()}\nwritten to {path}")
    return 1 if report.verdict else 0


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)  # noqa: T201


async def _virtual(plan: Plan) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as w:
            run = Run(plan, w, say)
            await run.run()
            return run.report()


async def _real(plan: Plan) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        async with real(plan, Path(folder), say) as run:
            await run.run()
            return run.report()


if __name__ == "__main__":
    sys.exit(main())
