"""Every fault against every state of an object; the table goes to out/faults.md and the screen.

Run: `python -m tests.faults [WORDS…]`, where words pick the rows whose names contain them. It fails
on an unsafe shrink, on growth that comes late, on a crash and on what is not given back.
"""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

import looptime
import structlog

from tests.faults.faults import FAULTS
from tests.faults.report import markdown
from tests.faults.run import Fault, Row, run

OUT = Path("out/faults.md")
_PAGE = Path("docs/fault-matrix.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if something is not as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("words", nargs="*", help="rows to run (default: all)")
    parser.add_argument("--publish", action="store_true", help=f"write {_PAGE}, too")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    picked = [one for one in FAULTS if not options.words or _named(one, options.words)]
    rows = []
    # What the daemons log of all this would hide the report.
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        for number, fault in enumerate(picked, 1):
            row = play(fault)
            rows.append(row)
            verdict = "ok" if row.good else "FAILS"
            _say(f"{number:2}/{len(picked)} {verdict:5} {row.seconds:5.1f} s  {fault.name}")
    page = markdown(rows)
    OUT.parent.mkdir(exist_ok=True)
    for path in (OUT, _PAGE) if options.publish else (OUT,):
        path.write_text(page, encoding="utf-8")
    _say("\n" + page)
    return 0 if rows and all(row.good for row in rows) else 1


def play(fault: Fault) -> Row:
    """One row, in a loop of its own."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(run(fault))


def _named(fault: Fault, words: Sequence[str]) -> bool:
    return any(word.lower() in fault.name.lower() for word in words)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
