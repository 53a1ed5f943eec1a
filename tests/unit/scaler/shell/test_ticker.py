"""The ticker: turns on a grid, never two evaluations of one object, an orderly end."""

import asyncio
import itertools

import pytest

from kube.vocab.objects import ObjectMeta
from kube.vocab.times import LoopClock
from scaler.core.wire import Autoscaler, AutoscalerStatus
from scaler.shell.ticker import PATIENCE, Ticker, phase
from scaler.state.catalogue import Catalogue, Entry

PERIOD = 15_000
EPOCH = 1_764_000_000_000


def entry_of(name: str, uid: str) -> Entry:
    meta = ObjectMeta(name=name, namespace="shop", uid=uid)
    return Entry(Autoscaler(metadata=meta), None, "", AutoscalerStatus(), None)


class Turns:
    """Counts evaluations, each of which takes `seconds`."""

    def __init__(self, clock: LoopClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.at: dict[str, list[int]] = {}
        self.running = 0
        self.most_at_once = 0

    async def evaluate(self, entry: Entry) -> None:
        self.at.setdefault(entry.key[1], []).append(self.clock.now() - EPOCH)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await asyncio.sleep(self.seconds)
        self.running -= 1


def world(turns: Turns, *, workers: int = 8) -> tuple[Ticker, Catalogue]:
    ticker = Ticker(turns.evaluate, period=PERIOD, workers=workers, clock=turns.clock)

    def due(key, at_once):
        entry = catalogue.get(key)
        assert entry is not None
        ticker.schedule(entry, at_once=at_once)

    catalogue = Catalogue(due)
    return ticker, catalogue


async def run_for(ticker: Ticker, catalogue: Catalogue, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await ticker.run(catalogue)


def add(catalogue: Catalogue, *names: str) -> None:
    for name in names:
        catalogue.on_added(("shop", name), entry_of(name, f"uid-{name}").autoscaler)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_each_object_has_its_turn_every_period_at_its_own_phase():
    turns = Turns(LoopClock(EPOCH))
    ticker, catalogue = world(turns)
    add(catalogue, "a", "b", "c")
    await run_for(ticker, catalogue, 60)
    for name, times in turns.at.items():
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(times) == 4, name
        assert all(abs(gap - PERIOD) <= 100 for gap in gaps), (name, gaps)
        expected = phase(f"uid-{name}", PERIOD)
        assert all(0 <= (EPOCH + at) % PERIOD - expected <= 100 for at in times), name
    assert len({times[0] for times in turns.at.values()}) == 3


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_objects_of_the_first_list_wait_for_their_turn_and_later_ones_do_not():
    turns = Turns(LoopClock(EPOCH))
    _ticker, catalogue = world(turns)
    add(catalogue, "early")
    catalogue.on_synced()
    add(catalogue, "late")
    await asyncio.sleep(0.01)
    assert list(turns.at) == ["late"]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_slow_object_never_runs_twice_at_once_and_delays_nobody():
    slow, turns = 40.0, Turns(LoopClock(EPOCH))

    async def evaluate(entry: Entry) -> None:
        turns.seconds = slow if entry.key[1] == "slow" else 0.0
        await Turns.evaluate(turns, entry)

    ticker, catalogue = world(turns)
    ticker._evaluate = evaluate
    add(catalogue, "slow", "quick")
    await run_for(ticker, catalogue, 120)
    assert len(turns.at["quick"]) == 8
    gaps = [b - a for a, b in zip(turns.at["slow"], turns.at["slow"][1:], strict=False)]
    assert all(gap >= slow * 1000 for gap in gaps)
    assert ticker.stats.overrun > 0


@pytest.mark.asyncio
@pytest.mark.looptime
@pytest.mark.parametrize(("rest", "turns_after"), [(0, 15), (50, 60), (60, 60), (61, 75)])
async def test_turns_pass_while_an_object_rests_unless_it_changes(rest, turns_after):
    turns = Turns(LoopClock(EPOCH))

    async def evaluate(entry: Entry) -> None:
        entry.rests_until = entry.asked + rest
        await turns.evaluate(entry)

    ticker, catalogue = world(turns)
    ticker._evaluate = evaluate
    add(catalogue, "a")
    await run_for(ticker, catalogue, 130)
    first, second, *_ = turns.at["a"]
    assert second - first == pytest.approx(turns_after * 1000, abs=100)
    entry = catalogue.get(("shop", "a"))
    assert entry is not None
    times = len(turns.at["a"])
    ticker.schedule(entry, at_once=True)
    await asyncio.sleep(0.01)
    assert len(turns.at["a"]) == times + 1


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_no_more_evaluations_at_once_than_workers():
    turns = Turns(LoopClock(EPOCH), seconds=0.2)
    _ticker, catalogue = world(turns, workers=3)
    catalogue.on_synced()
    add(catalogue, *(f"n{number}" for number in range(20)))
    await asyncio.sleep(30)
    assert turns.most_at_once == 3
    assert len(turns.at) == 20


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_who_waits_long_holds_no_worker_and_needs_none_until_it_is_quick_again():
    turns = Turns(LoopClock(EPOCH))
    hanging = {f"ill{number}" for number in range(40)}

    async def evaluate(entry: Entry) -> None:
        turns.seconds = 10.0 if entry.key[1] in hanging else 0.0
        await turns.evaluate(entry)

    ticker, catalogue = world(turns, workers=2)
    ticker._evaluate = evaluate
    catalogue.on_synced()
    add(catalogue, *sorted(hanging), "well")
    # All at once: two of them wait for their workers' patience at a time.
    await asyncio.sleep(20 * PATIENCE + 0.1)
    assert turns.at["well"] == [pytest.approx(20 * PATIENCE * 1000, abs=10)]
    assert turns.running == 40
    await asyncio.sleep(PERIOD / 1000)
    before = turns.clock.now() - EPOCH
    for name in (*sorted(hanging), "well"):
        again = catalogue.get(("shop", name))
        assert again is not None
        ticker.schedule(again, at_once=True)
    await asyncio.sleep(0.01)
    assert turns.at["well"][-1] == pytest.approx(before, abs=10), "known by now"
    hanging.clear()
    await run_for(ticker, catalogue, 2 * PERIOD / 1000)
    names = [f"ill{number}" for number in range(40)]
    assert not any(entry.hung for name in names if (entry := catalogue.get(("shop", name))))


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_change_during_an_evaluation_brings_one_more_right_after_it():
    turns = Turns(LoopClock(EPOCH), seconds=2.0)
    ticker, catalogue = world(turns)
    catalogue.on_synced()
    add(catalogue, "a")
    await asyncio.sleep(1)
    entry = catalogue.get(("shop", "a"))
    assert entry is not None
    ticker.schedule(entry, at_once=True)
    ticker.schedule(entry, at_once=True)
    await asyncio.sleep(9)
    assert turns.at["a"] == [0, 2000]


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_deleted_object_has_no_more_turns():
    turns = Turns(LoopClock(EPOCH))
    ticker, catalogue = world(turns)
    add(catalogue, "a", "b")
    catalogue.on_deleted(("shop", "a"))
    await run_for(ticker, catalogue, 60)
    assert set(turns.at) == {"b"}


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_draining_lets_a_running_evaluation_finish_and_starts_no_other():
    turns = Turns(LoopClock(EPOCH), seconds=2.0)
    ticker, catalogue = world(turns)
    catalogue.on_synced()
    add(catalogue, "a")
    await asyncio.sleep(1)
    await ticker.drain(3.0)
    assert turns.running == 0
    add(catalogue, "b")
    await asyncio.sleep(1)
    assert set(turns.at) == {"a"}


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_draining_cancels_what_takes_too_long():
    turns = Turns(LoopClock(EPOCH), seconds=100.0)
    ticker, catalogue = world(turns)
    catalogue.on_synced()
    add(catalogue, "a")
    await asyncio.sleep(1)
    started = turns.clock.monotonic()
    await ticker.drain(3.0)
    assert turns.clock.monotonic() - started <= 3.1
    entry = catalogue.get(("shop", "a"))
    assert entry is not None
    assert not entry.running


def test_the_phase_is_stable_and_spreads():
    phases = [phase(f"uid-{number}", PERIOD) for number in range(3000)]
    assert phases == [phase(f"uid-{number}", PERIOD) for number in range(3000)]
    assert all(value % 1000 < 500 for value in phases)
    seconds = [sum(1 for value in phases if value // 1000 == second) for second in range(15)]
    assert min(seconds) > 120
    assert max(seconds) < 280


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_changes_and_recreation_never_multiply_an_objects_turns():
    turns = Turns(LoopClock(EPOCH))
    ticker, catalogue = world(turns)
    add(catalogue, "a")
    catalogue.on_synced()
    entry = catalogue.get(("shop", "a"))
    assert entry is not None
    for _ in range(3):
        ticker.schedule(entry, at_once=True)
        await asyncio.sleep(0.01)
    catalogue.on_deleted(("shop", "a"))
    add(catalogue, "a")
    await asyncio.sleep(0.01)
    before = len(turns.at["a"])
    await run_for(ticker, catalogue, 60)
    assert len(turns.at["a"]) - before == 4
    assert ticker.stats.overrun == 0
