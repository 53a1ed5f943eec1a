"""One row of the matrix: a fault in a world of six objects, and what came of each."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from kube.vocab.times import SECOND, LoopClock, Millis
from tests.faults.judge import Truth, unsafe
from tests.faults.plan import AFTER, CYCLE, State
from tests.faults.site import Site, Use, opened, use
from tests.integration.scaler.world import EPOCH

MOST_TASKS = 4
MOST_DESCRIPTORS = 6
"""Connections that are kept for the next request come and go."""
MOST_MEGABYTES = 25.0
"""The API server with its history, the ear and the log of calls are in the same process."""


class Fault(Struct, frozen=True):
    """A row: what fails, and how."""

    name: str
    begin: Callable[[Site], AbstractAsyncContextManager[None]]
    site: Callable[[Path], Site] = lambda folder: Site(folder, LoopClock(EPOCH))
    virtual: bool = True
    slack: int = 0
    """Seconds by which good evidence may come later than the end of the fault."""


class Cell(Struct):
    """What became of one object."""

    shrinks: int = 0
    unsafe: list[str] = field(default_factory=list)
    recovery: float | None = None
    """Seconds from the end of the fault until it grew; 0 where it had grown before."""
    within: float = CYCLE

    @property
    def good(self) -> bool:
        """Nothing unsafe, and growth within a cycle."""
        return not self.unsafe and self.recovery is not None and self.recovery <= self.within


class Row(Struct):
    """One fault against all states. `problems` are of the daemons as a whole."""

    fault: str
    cells: dict[str, Cell]
    before: Use
    after: Use
    problems: list[str]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether everything is as it has to be."""
        return not self.problems and all(cell.good for cell in self.cells.values())


async def run(fault: Fault) -> Row:
    """Let it happen, in virtual time. Call it in a loop whose time is virtual."""
    started, problems = time.monotonic(), list[str]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(_told(context)))
    with tempfile.TemporaryDirectory() as folder:
        it = fault.site(Path(folder) / "cluster")
        async with opened(it):
            await it.prepare()
            before = use()
            async with fault.begin(it):
                await it.until(it.begin + round(it.seconds * SECOND))
            it.ended = it.clock.now()
            await it.until(it.ended + (AFTER if fault.virtual else AFTER // 2) * SECOND)
            after = use()
            problems += await it.trouble()
            cells = {state.name: _cell(it, state, fault.slack) for state in it.states}
    problems += _leaks(before, after)
    return Row(fault.name, cells, before, after, problems, time.monotonic() - started)


def _cell(it: Site, state: State, slack: int) -> Cell:
    cell = Cell(within=CYCLE + slack)
    end = it.ended
    scalings: list[Millis] = []
    for write in it.ear.writes:
        if write.name != state.name:
            continue
        truth = Truth(
            state.rules, state.truth(it.begin), it.ear.answers.get(state.name, []),
            tuple(scalings), write.pods, write.leads, write.read,
        )  # fmt: skip
        cell.shrinks += write.after < write.before and write.at >= it.begin
        when = (write.at - it.begin) / SECOND
        cell.unsafe += [
            f"{write.before} to {write.after} at {when:.0f} s: {why}"
            for why in unsafe(write.before, write.after, write.at, truth)
        ]
        scalings.append(write.at)
    cell.recovery = _recovery(it, state, end)
    return cell


def _recovery(it: Site, state: State, end: Millis) -> float | None:
    """When it grew for the load that is there since the middle of the fault."""
    wanted = -(-state.loads[-1][1] // state.rules.high)
    history = it.scaled[state.name]
    if [count for at, count in history if at <= end][-1] >= wanted:
        return 0.0
    later = [at for (at, count), (_, last) in zip(history[1:], history, strict=False)
             if at > end and count > last]  # fmt: skip
    return (later[0] - end) / SECOND if later else None


def _leaks(before: Use, after: Use) -> list[str]:
    found = []
    if after.tasks > before.tasks + MOST_TASKS:
        found.append(f"tasks: {before.tasks} before, {after.tasks} after")
    if after.descriptors > before.descriptors + MOST_DESCRIPTORS:
        found.append(f"descriptors: {before.descriptors} before, {after.descriptors} after")
    if after.megabytes > before.megabytes + MOST_MEGABYTES:
        found.append(f"memory: {before.megabytes:.0f} MB before, {after.megabytes:.0f} after")
    return found


def _told(context: dict[str, Any]) -> str:
    return f"unhandled: {context.get('exception') or context.get('message')!r}"
