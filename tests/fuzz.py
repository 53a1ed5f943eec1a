"""A million random inputs, and as many random documents, through all of the core: nothing raises.

An input goes through `decide` and all that is derived from it; a document takes the way of an
object that arrives, or is refused with a text. Run: `python -m tests.fuzz`, with `--count` and
`--seed`. Number n is made from the seed plus n alone, so what fails is repeated with its own seed
and a count of one. `make test` does the same for ten thousand of each.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from random import Random, SystemRandom

from tests.oracle.arrivals import check_arrival
from tests.oracle.wild import any_input, check_input

COUNT = 1_000_000
PROGRESS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 with the seed when an input fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the first input (default: a random one)")
    options = parser.parse_args(arguments)
    first = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    return run(first, options.count)


def run(first: int, count: int) -> int:
    """Try `count` inputs and documents, the first of which have the seed `first`."""
    rules: Counter[str] = Counter()
    started = time.monotonic()
    for number in range(count):
        seed = first + number
        try:
            rules[check_input(any_input(Random(seed))).rule] += 1
            rules[check_arrival(Random(seed))] += 1
        except Exception:  # noqa: BLE001  # whatever it is, its seed is what is needed
            traceback.print_exc()
            _say(f"failed after {number} inputs; repeat it with --seed {seed} --count 1")
            return 1
        if (number + 1) % PROGRESS == 0:
            _say(f"{number + 1} of {count} inputs")
    seconds = time.monotonic() - started
    _say(f"{count} inputs from seed {first} in {seconds:.0f} s, {len(rules)} rules, none failed")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
