"""Every fault against every state of an object; the table goes to out/faults.md and the screen.

Run: `python -m tests.faults [WORDS…]`, where words pick the rows whose names contain them. It fails
on an unsafe shrink, on growth that comes late, on a crash and on what is not given back.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.play import play_all
from tests.faults.report import markdown

OUT = Path("out/faults.md")
_PAGE = Path("docs/fault-matrix.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if something is not as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("words", nargs="*", help="rows to run (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time (default: %(default)s)")
    parser.add_argument("--publish", action="store_true", help=f"write {_PAGE}, too")
    options = parser.parse_args(arguments)
    names = [one.name for one in FAULTS if not options.words or _named(one.name, options.words)]
    rows = []
    for number, row in enumerate(play_all(names, options.jobs), 1):
        rows.append(row)
        verdict = "ok" if row.good else "FAILS"
        _say(f"{number:2}/{len(names)} {verdict:5} {row.seconds:5.1f} s  {row.fault}")
    page = markdown(rows)
    OUT.parent.mkdir(exist_ok=True)
    for path in (OUT, _PAGE) if options.publish else (OUT,):
        path.write_text(page, encoding="utf-8")
    _say("\n" + page)
    return 0 if rows and all(row.good for row in rows) else 1


def _named(name: str, words: Sequence[str]) -> bool:
    return any(word.lower() in name.lower() for word in words)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
