"""Calls to something that hangs leave places to all others, and never pile up beyond a bound."""

import asyncio
from collections import Counter

import pytest
from aiohttp import web

from kube.client.bulkheads import PART, REMEMBERED, WHOLE, Bulkheads, Call
from kube.client.errors import Unreachable
from kube.client.requests import get_of, raw_get, update_of
from kube.vocab.times import LoopClock
from tests.unit.kube.client.scripted import WIDGETS, client_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

TIMEOUT = 10.0


class Peer:
    """Something to call: each call takes `seconds`, or for ever where its part hangs."""

    def __init__(self, **sizes: int) -> None:
        self.bulkheads = Bulkheads(LoopClock(0).monotonic, **sizes)
        self.hanging: set[str] = set()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.done: list[tuple[str, float]] = []

    async def call(self, part: str, whole: str = "api") -> None:
        """One call, given up after the time-out."""
        call = Call(whole, part)
        try:
            async with asyncio.timeout(TIMEOUT), self.bulkheads.place(call):
                self.now[part] += 1
                self.most[part] = max(self.most[part], self.now[part])
                try:
                    await asyncio.sleep(3600 if part in self.hanging else 0.01)
                    call.answered = True
                finally:
                    self.now[part] -= 1
            self.done.append((part, asyncio.get_running_loop().time()))
        except TimeoutError:
            pass

    def calls(self, part: str, number: int) -> list[asyncio.Task[None]]:
        """So many at once."""
        return [asyncio.create_task(self.call(part)) for _ in range(number)]


async def test_a_part_that_hangs_leaves_the_others_their_places():
    peer = Peer(whole=8, part=4)
    peer.hanging = {"ill"}
    ill = peer.calls("ill", 100)
    await asyncio.sleep(0.001)
    await asyncio.gather(*peer.calls("well", 40))
    assert peer.most["ill"] == 4
    assert len(peer.done) == 40
    assert peer.done[-1][1] < 0.2
    await asyncio.gather(*ill)
    assert len(peer.bulkheads) == 0


async def test_what_hung_is_asked_by_one_at_a_time_so_that_many_parts_can_hang():
    peer = Peer(whole=8, part=4)
    peer.hanging = {f"ill-{number}" for number in range(6)}

    async def keep_asking(part: str) -> None:
        while True:
            await asyncio.gather(*peer.calls(part, 10))

    asking = [asyncio.create_task(keep_asking(part)) for part in sorted(peer.hanging)]
    # Nobody knew at first; after one time-out the six hold six of the eight places.
    await asyncio.sleep(2 * TIMEOUT + 1)
    assert max(peer.now.values()) == 1
    start = asyncio.get_running_loop().time()
    await asyncio.gather(*peer.calls("well", 20))
    assert len(peer.done) == 20
    assert peer.done[-1][1] - start < 0.2
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_the_first_answer_opens_the_part_again():
    peer = Peer(part=4)
    peer.hanging = {"ill"}
    await asyncio.gather(*peer.calls("ill", 4))
    waiting = peer.calls("ill", 4)
    await asyncio.sleep(TIMEOUT - 1)
    assert peer.now["ill"] == 1
    later = peer.calls("ill", 40)
    peer.hanging = set()
    await asyncio.gather(*waiting, *later)
    # Those who came when it hung gave up; the first of the others found it well.
    assert len(peer.done) == 40
    assert peer.most["ill"] == 4
    assert peer.done[-1][1] < 2 * TIMEOUT + 1


async def test_after_a_while_a_part_that_nobody_asked_is_trusted_again():
    peer = Peer(part=4)
    peer.hanging = {"ill"}
    await asyncio.gather(*peer.calls("ill", 4))
    await asyncio.sleep(REMEMBERED)
    waiting = peer.calls("ill", 4)
    await asyncio.sleep(1)
    assert peer.now["ill"] == 4
    await asyncio.gather(*waiting)


async def test_waiting_counts_into_the_callers_deadline():
    peer = Peer(part=1)
    peer.hanging = {"ill"}
    await asyncio.gather(*peer.calls("ill", 50))
    assert asyncio.get_running_loop().time() == pytest.approx(TIMEOUT)


async def test_a_caller_that_goes_away_leaves_nothing_behind():
    peer = Peer(whole=2, part=1)
    peer.hanging = {"ill"}
    for task in (tasks := peer.calls("ill", 20)):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(peer.bulkheads) == 0
    peer.hanging = set()
    await asyncio.gather(*peer.calls("ill", 20))
    assert len(peer.done) == 20


async def test_an_aggregated_api_that_hangs_for_everybody_leaves_the_rest_of_the_server():
    async def handler(request: web.Request) -> web.Response:
        if "external.metrics" in request.path:
            await asyncio.sleep(3600)
        return web.json_response({})

    def metric(number: int) -> str:
        return f"/apis/external.metrics.k8s.io/v1beta1/namespaces/ns-{number}/m"

    asked = 2 * WHOLE + 50
    async with client_of(handler, timeout=TIMEOUT) as client:

        async def ask(number: int) -> str:
            with pytest.raises(Unreachable, match="no answer in time") as caught:
                await client.send(raw_get(metric(number), resource="external.metrics"))
            return str(caught.value)

        hanging = [asyncio.create_task(ask(number)) for number in range(asked)]
        await asyncio.sleep(1)
        start = asyncio.get_running_loop().time()
        await client.send(raw_get("/api/v1/namespaces/ns-1/pods", resource="pods"))
        assert asyncio.get_running_loop().time() - start < 1
        texts = await asyncio.gather(*hanging)
    assert sum("too many calls to the same" in text for text in texts) == 50


async def test_reads_do_not_wait_for_writes_that_a_webhook_holds():
    async def handler(request: web.Request) -> web.Response:
        if request.method == "PUT":
            await asyncio.sleep(3600)
        return web.json_response({})

    async with client_of(handler, timeout=TIMEOUT) as client:

        async def write(number: int) -> None:
            with pytest.raises(Unreachable):
                await client.send(update_of(WIDGETS, "ns", f"w{number}", b"{}"))

        writes = [asyncio.create_task(write(number)) for number in range(2 * PART)]
        await asyncio.sleep(1)
        await client.send(get_of(WIDGETS, "ns", "w1"))
        assert asyncio.get_running_loop().time() < 2
        await asyncio.gather(*writes)
