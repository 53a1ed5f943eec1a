"""Plays rows: one in a loop of its own, or several in processes of their own."""

import asyncio
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import looptime
import structlog

from tests.faults.faults import FAULTS
from tests.faults.run import Row, run


def play(name: str) -> Row:
    """The row of that name, in this process."""
    fault = next(one for one in FAULTS if one.name == name)
    loops = looptime.new_event_loop if fault.virtual else None
    with asyncio.Runner(loop_factory=loops) as runner:
        return runner.run(run(fault))


def play_all(names: Sequence[str], jobs: int) -> Iterator[Row]:
    """The rows in that order, `jobs` at a time; each process plays one: what it uses is its own."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, _hush, max_tasks_per_child=1) as pool:
        yield from pool.map(play, names)


def _hush() -> None:
    """What the daemons log of all this would hide the report."""
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
