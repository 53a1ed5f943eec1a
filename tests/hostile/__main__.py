"""A hundred thousand wild requests to the adapter: no 500, no leak, no query but the rule's.

Run: `python -m tests.hostile`, with `--count` and `--seed`. Request number n is made from the seed
plus n alone, so what fails is repeated with its own seed and a count of one. `make test` does the
same for a thousand requests.
"""

import argparse
import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Sequence
from random import SystemRandom

import structlog

from tests.hostile.campaign import CampaignError, campaign

COUNT = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 with the seed when an answer is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="requests (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the first request (default: a random one)")
    options = parser.parse_args(arguments)
    first = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    started = time.monotonic()
    try:
        seen = asyncio.run(campaign(first, options.count))
    except CampaignError as error:
        traceback.print_exc()
        _say(f"failed; repeat it with --seed {error.seed} --count 1")
        return 1
    seconds = time.monotonic() - started
    answers = ", ".join(f"{what}: {count}" for what, count in sorted(seen.items()))
    _say(f"{options.count} requests from seed {first} in {seconds:.0f} s: {answers}; none failed")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
