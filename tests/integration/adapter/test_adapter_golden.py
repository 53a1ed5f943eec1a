"""The golden corpus of HTTP exchanges, in-process and over TLS with a front-proxy certificate."""

import re

import pytest

from tests.integration.adapter import golden
from tests.integration.adapter.kit.server import RULES
from tests.integration.adapter.kit.wire import in_process, over_tls

OBSERVABLE = {f"E-{number}" for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)}
"""Decisions that a single exchange can show; E-6 and E-18 to E-21 have tests of their own."""


@pytest.mark.asyncio
@pytest.mark.parametrize("line", [in_process, over_tls])
@pytest.mark.parametrize("path", golden.files(), ids=lambda path: path.stem)
async def test_exchanges_are_as_recorded(tmp_path, path, line):
    corpus = golden.read(path)
    async with line(tmp_path, rules=corpus.rules or RULES) as connections:
        found = await golden.Player(connections, corpus).mismatches()
        assert not found, "\n".join(found)


def test_names_are_unique_and_every_difference_names_its_decision():
    shown = set()
    for path in golden.files():
        exchanges = golden.read(path).exchanges
        names = [one.name for one in exchanges]
        assert len(set(names)) == len(names), path
        for one in exchanges:
            assert bool(one.decision) == bool(one.reference), (path, one.name)
            shown.update(re.findall(r"E-\d+", one.decision))
    assert shown == OBSERVABLE
