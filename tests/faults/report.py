"""The matrix as Markdown: what ran, and nothing else."""

from collections.abc import Iterator, Sequence

from tests.faults.plan import CYCLE, FAULT, LEASE, QUERY, SAMPLE, STATES, SUCCESSION
from tests.faults.run import Cell, Row

_HEAD = f"""# The fault matrix

Written by `make faults`; [safety.md](safety.md) says what an unsafe shrink is and how this is
judged. Rows are faults, columns the state of an object when the fault begins. Exporters, a played
Prometheus, the real adapter, the sandbox's API server and the real scaler are one chain. A fault
lasts {FAULT} s of virtual time; where the row says real time, the scaler is a process of its own
and everything ten times as fast. Late in the fault the true load of every object rises, so that
whoever shrinks then acts on what was, and who could not grow has to afterwards.

A cell says how often the target shrank since the fault began, and when it grew for that load after
the fault had ended; "during" where it had grown before. Growth is due within one evaluation cycle,
{CYCLE} s (15 s and the calls), and where good evidence comes later than the end of the fault, that
much more: {SAMPLE} s for a scrape and the adapter's `cacheTTL`, {QUERY} s for queries that were
asked before the end of a slow Prometheus, {LEASE} s until a lost Lease is tried for again,
{SUCCESSION} s until that of a dead scaler is free. **UNSAFE** and **LATE** would stand in bold.
Tasks, descriptors and memory are those of the whole process, sandbox included, when the fault
begins and a minute after it has ended.
"""


def markdown(rows: Sequence[Row]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_table(rows), "", _sum(rows), *_troubles(rows), ""])


def _table(rows: Sequence[Row]) -> Iterator[str]:
    titles = ["fault", *(state.title for state in STATES), "tasks", "descriptors", "MB", ""]
    yield f"| {' | '.join(titles)} |"
    yield "|" + " --- |" * len(titles)
    for row in rows:
        cells = [_cell(row.cells[state.name]) for state in STATES]
        before, after = row.before, row.after
        tail = [
            f"{before.tasks} → {after.tasks}",
            f"{before.descriptors} → {after.descriptors}",
            f"{before.megabytes:.0f} → {after.megabytes:.0f}",
            "ok" if row.good else "**FAILS**",
        ]
        yield f"| {' | '.join([row.fault, *cells, *tail])} |"


def _cell(cell: Cell) -> str:
    shrinks = {0: "no shrink", 1: "1 shrink"}.get(cell.shrinks, f"{cell.shrinks} shrinks")
    if cell.unsafe:
        shrinks = f"**{len(cell.unsafe)} UNSAFE** of {shrinks}"
    if cell.recovery is None:
        return f"{shrinks}, **never grew**"
    if cell.recovery == 0:
        return f"{shrinks}, grew during"
    late = cell.recovery > cell.within
    text = f"grew after {cell.recovery:.0f} s"
    return f"{shrinks}, {f'**LATE**: {text}' if late else text}"


def _sum(rows: Sequence[Row]) -> str:
    cells = [cell for row in rows for cell in row.cells.values()]
    unsafe = sum(len(cell.unsafe) for cell in cells)
    shrinks = sum(cell.shrinks for cell in cells)
    good = sum(row.good for row in rows)
    return (
        f"{len(rows)} faults, {len(cells)} cells: {shrinks} shrinks, {unsafe} of them unsafe; "
        f"{good} of {len(rows)} rows as they have to be."
    )


def _troubles(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for problem in row.problems:
            yield f"* {row.fault}: {problem}"
        for name, cell in row.cells.items():
            for why in cell.unsafe:
                yield f"* {row.fault}, {name}: {why}"
