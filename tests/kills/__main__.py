"""A thousand kills at random requests, in virtual time: nothing is lost, nothing comes too early.

Run: `python -m tests.kills --seed 7`. Lives of a small fleet follow each other, with two scalers of
which one leads, with two that share two shards, and with one alone, until enough were killed. It
prints a line for each life and fails on counts that differ from those of a life without kills, on
a window or delay that was cut short, and on what came later than its kills account for.
`make test` runs a short life of each kind.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from pathlib import Path
from random import Random, SystemRandom
from tempfile import TemporaryDirectory
from typing import TypeVar

import looptime

from tests.kills.campaign import CREWS, Outcome, disturbed, undisturbed

T = TypeVar("T")
LOADS = 8
"""Of each object in one life."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, help="of loads and kills (default: a random one)")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    _say(f"seed {seed}")
    outcomes: list[Outcome] = []
    # The dead go on for a moment, in this process, and complain of closed connections.
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        while sum(one.deaths for one in outcomes) < options.kills:
            outcomes += _round(Path(folder) / str(len(outcomes)), f"{seed}/{len(outcomes)}")
    deaths = sum(one.deaths for one in outcomes)
    kinds: Counter[str] = Counter()
    for outcome in outcomes:
        kinds.update(outcome.kinds)
    for kind, count in kinds.most_common():
        _say(f"  {count:5} at {kind}")
    found = sum(len(one.problems) for one in outcomes)
    changes = sum(one.changes for one in outcomes)
    _say(f"{deaths} kills, {changes} changes of counts, {found} problems")
    return 1 if found else 0


def _round(folder: Path, seed: str) -> list[Outcome]:
    """A life with each crew, all with the same loads."""
    random = Random(seed)
    folder.mkdir()
    reference = _virtual(partial(undisturbed, folder / "undisturbed", random, LOADS))
    found = []
    for number, crew in enumerate(CREWS):
        started = time.monotonic()
        life = partial(disturbed, folder / str(number), crew, reference, random)
        outcome = _virtual(life)
        took, hours = time.monotonic() - started, outcome.seconds / 3600
        _say(
            f"{crew.title}: {outcome.deaths} kills and {outcome.changes} changes in {hours:.1f} h, "
            f"which took {took:.0f} s"
        )
        for problem in outcome.problems:
            _say(f"! {problem}")
        found.append(outcome)
    return found


def _virtual(work: Callable[[], Coroutine[None, None, T]]) -> T:
    with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=8)) as runner:
        return runner.run(work())


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
