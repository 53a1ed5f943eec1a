"""The lag of a decision runs from the object's turn, however long it waited for a worker."""

import asyncio

import pytest

from kube.client.items import Key
from kube.vocab.objects import ObjectMeta
from kube.vocab.times import LoopClock
from scaler.core.wire import Autoscaler
from scaler.shell.ticker import Ticker
from scaler.state.catalogue import Catalogue, Entry

EPOCH = 1_764_000_000_000


def joined(ticker: Ticker) -> Catalogue:
    """A catalogue whose entries the ticker gives their turns."""

    def due(key: Key, at_once: bool) -> None:
        ticker.schedule(entry_of(entries, key), at_once=at_once)

    entries = Catalogue(due)
    return entries


def entry_of(entries: Catalogue, key: Key) -> Entry:
    entry = entries.get(key)
    assert entry is not None
    return entry


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_waiting_for_a_worker_is_lag():
    clock, lags = LoopClock(EPOCH), []

    async def evaluate(entry: Entry) -> None:
        lags.append(round(clock.monotonic() - entry.asked, 1))
        await asyncio.sleep(0.2)

    ticker = Ticker(evaluate, period=15_000, workers=1, clock=clock)
    entries = joined(ticker)
    entries.on_synced()
    for number in range(3):
        meta = ObjectMeta(name=f"web-{number}", namespace="shop", uid=f"uid-{number}")
        entries.on_added(("shop", meta.name), Autoscaler(metadata=meta))
    await asyncio.sleep(5)
    assert lags == [0.0, 0.2, 0.4]
    await ticker.drain(1)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_turn_on_the_grid_is_due_at_its_time():
    clock, asked = LoopClock(EPOCH), []

    async def evaluate(entry: Entry) -> None:
        asked.append(entry.asked)

    ticker = Ticker(evaluate, period=15_000, workers=1, clock=clock)
    entries = joined(ticker)
    meta = ObjectMeta(name="web", namespace="shop", uid="uid")
    entries.on_added(("shop", "web"), Autoscaler(metadata=meta))
    first = entry_of(entries, ("shop", "web")).due
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(35):
            await ticker.run(entries)
    assert [moment - first for moment in asked] == pytest.approx([0, 15], abs=0.01)
