"""Real `kill -9` of real scalers on a real control plane: the counts are those without kills."""

import operator
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.waiting import eventually
from tests.e2e.external_backend import ExternalMetrics
from tests.e2e.scaler.bench import Seat
from tests.e2e.scaler.pairs import FIRST, WINDOWS, WITHIN, Pair

PAIRS = 3
KILLS = 7
"""Of each pair."""
PATIENCE = 900.0
"""Seconds on a very busy machine; on others it takes about two minutes."""


@pytest.fixture
def pairs(
    cluster: ControlPlane, namespace: str, external: ExternalMetrics, seat: Seat, tmp_path: Path
) -> Iterator[list[Pair]]:
    """A lone scaler that is left alone, and pairs that are not, each in a namespace of its own."""
    seat.end()
    found = []
    for number in range(PAIRS + 1):
        name = f"{namespace}-{number}"
        cluster.rest.post("/api/v1/namespaces", {"metadata": {"name": name}})
        cluster.await_service_account(name)
        kills = KILLS if number else 0
        found.append(Pair(cluster, name, external, tmp_path, Random(number), kills=kills))
    yield found
    for pair in found:
        pair.close()
        cluster.delete_namespace(pair.namespace)


@pytest.mark.timeout(PATIENCE + 120)
def test_killed_leaders_leave_the_counts_and_the_windows_as_they_are(pairs: list[Pair]):
    for pair in pairs:
        pair.open(scalers=2 if pair is not pairs[0] else 1)
    deadline = time.monotonic() + PATIENCE
    while not all(pair.over for pair in pairs):
        assert time.monotonic() < deadline, [(one.killed, one.changes()) for one in pairs]
        for pair in pairs:
            pair.go_on()
        time.sleep(0.02)
    assert sum(pair.killed for pair in pairs) >= 20
    alone = [count for count, _ in pairs[0].changes()]
    assert alone[0] == alone[-1] == FIRST
    for pair in pairs:
        changes = pair.changes()
        assert [count for count, _ in changes] == [FIRST] + alone[1:] * pair.cycles
        for (before, since), (count, at) in pairwise(changes):
            direction = "upscale" if count > before else "downscale"
            assert at - since >= WINDOWS[f"{direction}ForbiddenWindowSeconds"] * 1000, changes
        eventually(pair.last_scale, partial(operator.eq, changes[-1][1]), within=WITHIN)
        assert pair.status()["scalingEventsCount"] <= len(changes) - 1
        assert pair.crashes() == []
