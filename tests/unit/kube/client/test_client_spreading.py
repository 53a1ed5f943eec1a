"""What happens to many at once, a start or a restart of the server, does not bring all at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import msgspec
import pytest

from kube.client.leases import RETRY, SHORTER, LeaderElection
from kube.client.pacing import Backoff
from kube.client.reflector import SETTLED, SPREAD, Reflector
from kube.client.requests import list_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.collection_server import CollectionServer
from tests.unit.kube.client.lease_server import LeaseServer
from tests.unit.kube.client.reflecting import Recorder
from tests.unit.kube.client.scripted import WIDGETS, Widget, client_of

FLEET = 60
AT_ONCE = FLEET // 3
"""Of so many, those whose requests fall into a tenth of a second may be a few by chance."""


class Timed(CollectionServer):
    """Notes when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, list[float]] = {"list": [], "watch": []}

    async def handle(self, request):
        kind = "watch" if request.query.get("watch") else "list"
        self.times[kind].append(asyncio.get_running_loop().time())
        return await super().handle(request)


def most_at_once(times: list[float], since: float = 0.0) -> int:
    """The most requests of a tenth of a second."""
    return max(Counter(int(time * 10) for time in times if time >= since).values())


@asynccontextmanager
async def fleet(server: CollectionServer) -> AsyncIterator[list[Reflector[Widget]]]:
    """So many reflectors that start together, each with a chance of its own."""
    async with client_of(server.handle) as client:
        decoder = msgspec.json.Decoder(Widget)
        made = [
            Reflector(client, list_of(WIDGETS, "ns"), decoder, Recorder(),
                      clock=LoopClock(0), random=Random(number))
            for number in range(FLEET)
        ]  # fmt: skip
        tasks = [asyncio.create_task(one.run()) for one in made]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_many_that_start_together_list_one_after_another():
    server = Timed()
    async with fleet(server) as reflectors:
        await asyncio.sleep(SPREAD + 0.5)
        assert all(one.stats.synced for one in reflectors)
        assert most_at_once(server.times["list"]) < AT_ONCE


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize("forgets", [False, True], ids=["versions live on", "versions expired"])
async def test_after_a_restart_of_the_server_they_come_back_one_after_another(forgets):
    server = Timed()
    async with fleet(server) as reflectors:
        await asyncio.sleep(SETTLED + SPREAD + 1)
        restarted = asyncio.get_running_loop().time()
        server.put("a")
        if forgets:
            server.forget()
        server.cut()
        await asyncio.sleep(2 * SPREAD + 0.5)
        assert all(len(one) == 1 for one in reflectors)
        assert most_at_once(server.times["watch"], restarted) < AT_ONCE
        if forgets:
            assert most_at_once(server.times["list"], restarted) < AT_ONCE


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_electors_that_start_together_do_not_go_on_in_step():
    times: list[list[float]] = []
    server = LeaseServer()

    async with client_of(server.handle) as client:
        tasks = []
        for number in range(FLEET):
            asked: list[float] = []
            times.append(asked)

            def wanted(asked: list[float] = asked) -> bool:
                asked.append(asyncio.get_running_loop().time())
                return False

            election = LeaderElection(
                client, "system", "lock", f"e{number}", LoopClock(0), wanted=wanted,
                on_change=lambda _: None, on_error=lambda _: None, random=Random(number),
            )  # fmt: skip
            tasks.append(asyncio.create_task(election.run()))
        await asyncio.sleep(5 * RETRY)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for turn in range(4):
        assert most_at_once([asked[turn] for asked in times]) < FLEET // 2
    firsts = [asked[0] for asked in times]
    assert max(firsts) <= RETRY * SHORTER
    gaps = [late - early for asked in times for early, late in pairwise(asked)]
    assert RETRY * (1 - SHORTER) - 0.01 <= min(gaps) <= max(gaps) <= RETRY + 0.01


def test_the_first_pause_after_a_failure_is_spread_too():
    pauses = [Backoff(0.5, 10.0, Random(number)).next() for number in range(FLEET)]
    assert most_at_once(pauses) < AT_ONCE
    assert min(pauses) >= 0.5
