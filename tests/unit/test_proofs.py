"""The pages that say which test proves what: every item has one, and every test exists."""

import ast
import re
from pathlib import Path

import pytest

from tests.scenarios.scenario import files

TESTS = Path(__file__).parent.parent
DOCS = TESTS.parent / "docs"
SCENARIOS = (DOCS / "scenarios.md").read_text(encoding="utf-8")
SECURITY = (DOCS / "security.md").read_text(encoding="utf-8")
SAFETY = (DOCS / "safety.md").read_text(encoding="utf-8").partition("## Promises")[2]
PROOF = (DOCS / "compatibility.md").read_text(encoding="utf-8").partition("## Proof")[2]
REFERENCE = re.compile(r"`([\w/]+\.py)::(\w+)(?:\[([\w.-]+)\])?`")
EXCUSE = re.compile(r"^(open|out of scope|not needed): \S")
CURVES = ("scenarios/test_blocks.py", "test_replica_curve")

ITEMS = {
    *(f"R000-{letter}" for letter in "ABCDE"),
    *(f"R001-{letter}" for letter in "ABCDE"),
    *(f"R003-{letter}" for letter in "ABCDEFGHI"),
    "R004-A",
    *(f"{kind}-{number:02}" for kind, last in (("K", 12), ("E", 12), ("V", 14), ("P", 14))
      for number in range(1, last + 1)),
    *(f"W-{kind}{number:02}" for kind, last in (
        ("A", 16), ("B", 1), ("V", 6), ("C", 2), ("D", 4), ("P", 1), ("L", 3), ("S", 2), ("K", 8),
        ("M", 12), ("G", 14), ("O", 9), ("F", 8), ("X", 2))
      for number in range(1, last + 1)),
}  # fmt: skip
DEVIATIONS = {f"D{number}" for number in (*range(1, 29), *range(33, 42))}


def proofs(page: str) -> list[tuple[str, str]]:
    """Item and last cell of every line of the page's tables."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [(cells[0], cells[-1]) for cells in lines if re.match(r"[A-Z]", cells[0])]


def names_in(path: str) -> set[str]:
    """The names of the tests of a file."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def source_of(path: str, name: str) -> str:
    """The lines of one test."""
    text = (TESTS / path).read_text(encoding="utf-8")
    return next(
        ast.get_source_segment(text, node) or ""
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    )


@pytest.mark.parametrize(
    ("page", "items"), [(SCENARIOS, ITEMS), (PROOF, DEVIATIONS)], ids=["scenarios", "deviations"]
)
def test_every_item_is_there_once_with_a_test_or_a_reason(page, items):
    found = proofs(page)
    assert sorted(item for item, _ in found) == sorted(items)
    unproved = [item for item, cell in found if not (REFERENCE.search(cell) or EXCUSE.match(cell))]
    assert unproved == []


def test_every_test_that_is_named_exists():
    named = set(REFERENCE.findall(SCENARIOS + PROOF + SECURITY + SAFETY))
    assert len(named) > 100
    missing = [
        f"{path}::{name}"
        for path, name, _ in sorted(named)
        if not (TESTS / path).is_file() or name not in names_in(path)
    ]
    assert missing == []


def test_every_item_of_row_002_has_a_test_that_names_it():
    """By its number in the name, the docstring or a comment on the line of the name."""
    rows = [row for row in proofs(SCENARIOS) if row[0].startswith("V-")]
    unnamed = [
        item
        for item, cell in rows
        if not any(
            item in source or item.lower().replace("-", "") in source
            for source in (source_of(path, name) for path, name, _ in REFERENCE.findall(cell))
        )
    ]
    assert unnamed == []


def test_every_scenario_file_is_named_and_every_named_one_exists():
    named = {case for *where, case in REFERENCE.findall(SCENARIOS) if tuple(where) == CURVES}
    assert named == {path.stem for path in files()}


def test_every_threat_has_a_defence_that_is_proved():
    threats = [line for line in SECURITY.splitlines() if re.match(r"\| [STRIDE] \| ", line)]
    assert {line[2] for line in threats} == set("STRIDE")
    assert [line for line in threats if not REFERENCE.search(line.rpartition(" | ")[2])] == []


def test_every_promise_is_proved():
    rows = [line for line in SAFETY.splitlines() if re.match(r"\| (?!promise|---)", line)]
    assert rows
    assert [line for line in rows if not REFERENCE.search(line.rpartition(" | ")[2])] == []
