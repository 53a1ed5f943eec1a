"""Shared work: one task per key, outcomes for all, nothing left running for nobody."""

import asyncio

import pytest

from kube.client.singleflight import SingleFlight

pytestmark = pytest.mark.asyncio


class Work:
    """Counts its runs and ends when told."""

    def __init__(self) -> None:
        self.runs = 0
        self.cancelled = 0
        self.release = asyncio.Event()

    async def __call__(self) -> int:
        self.runs += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.runs


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_waiters_share_one_run():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    waiters = [asyncio.create_task(flights.share("k", work)) for _ in range(10)]
    await settle()
    assert (work.runs, "k" in flights) == (1, True)
    work.release.set()
    assert await asyncio.gather(*waiters) == [1] * 10
    await settle()
    assert "k" not in flights
    assert await flights.share("k", work) == 2


async def test_keys_do_not_share():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    work.release.set()
    await asyncio.gather(flights.share("a", work), flights.share("b", work))
    assert work.runs == 2


async def test_one_waiter_may_leave():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    first, second = (asyncio.create_task(flights.share("k", work)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    work.release.set()
    assert await second == 1
    assert work.cancelled == 0


async def test_the_last_waiter_takes_the_work_along_and_the_next_starts_anew():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    first, second = (asyncio.create_task(flights.share("k", work)) for _ in range(2))
    await settle()
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert "k" not in flights
    third = asyncio.create_task(flights.share("k", work))
    await settle()
    assert (work.runs, work.cancelled) == (2, 1)
    work.release.set()
    assert await third == 2


async def test_failures_reach_everybody_and_are_forgotten():
    flights: SingleFlight[str, int] = SingleFlight()
    calls = 0

    async def fails() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    waiters = [flights.share("k", fails) for _ in range(3)]
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no"] * 3
    assert (calls, "k" in flights) == (1, False)


async def test_work_may_go_on_to_its_end_without_anybody_who_waits():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    waiter = asyncio.create_task(flights.share("k", work, to_its_end=True))
    await settle()
    waiter.cancel()
    await settle()
    assert (work.cancelled, "k" in flights) == (0, True)
    other = asyncio.create_task(flights.share("k", work))
    await settle()
    other.cancel()
    await settle()
    assert work.cancelled == 0
    work.release.set()
    await settle()
    assert (work.runs, "k" in flights) == (1, False)


async def test_closing_ends_what_runs():
    flights: SingleFlight[str, int] = SingleFlight()
    work = Work()
    waiter = asyncio.create_task(flights.share("k", work, to_its_end=True))
    await settle()
    await flights.close()
    assert work.cancelled == 1
    await asyncio.gather(waiter, return_exceptions=True)
    assert "k" not in flights
