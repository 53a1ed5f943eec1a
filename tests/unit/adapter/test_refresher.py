"""Refreshing what is in use: reads from memory, few queries, none to a Prometheus that is down."""

import asyncio
from collections import Counter

import pytest

from adapter.core.breaker import Admission
from adapter.refresher import Refresher
from adapter.values import IN_USE
from tests.unit.adapter.virtual import TTL, World, rule_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

M = rule_of()


async def test_reads_of_what_is_in_use_never_wait():
    it = World()
    it.prometheus.latency = 2.0
    background = it.refreshing()
    await it.read(M)
    for _ in range(20):
        await asyncio.sleep(15)
        before = it.clock.monotonic()
        evaluated = await it.second(M)
        assert it.clock.monotonic() == before
        assert before - evaluated <= TTL + 2.0
    background.cancel()
    # Once when it was first asked for, and then once per time to live.
    assert len(it.prometheus.asked) <= 1 + it.clock.monotonic() / TTL
    assert it.reads("upstream") == 1


async def test_a_quick_prometheus_leaves_nothing_stale():
    it = World()
    it.prometheus.latency = 0.1
    background = it.refreshing()
    for _ in range(200):
        await it.read(M)
        await asyncio.sleep(0.37)
    background.cancel()
    assert it.reads("stale") == 0
    assert it.reads("cache") == 199
    assert len(it.prometheus.asked) <= 1 + it.clock.monotonic() / TTL


async def test_what_nobody_reads_is_not_asked_for():
    it = World()
    background = it.refreshing()
    await it.read(M)
    await asyncio.sleep(1000)
    background.cancel()
    assert max(at for at, _ in it.prometheus.asked) <= IN_USE


async def test_how_long_something_is_in_use_can_be_said():
    it = World(refresh_for=20.0)
    background = it.refreshing()
    await it.read(M)
    await asyncio.sleep(1000)
    assert 10 < max(at for at, _ in it.prometheus.asked) <= 20
    background.cancel()


async def test_refreshing_can_be_off():
    it = World(refresh_for=0.0)
    background = it.refreshing()
    for _ in range(5):
        await it.read(M)
        await asyncio.sleep(15)
    background.cancel()
    assert [at for at, _ in it.prometheus.asked] == [0, 15, 30, 45, 60]


async def test_nothing_runs_before_anything_is_read():
    it = World()
    background = it.refreshing()
    await asyncio.sleep(1000)
    background.cancel()
    assert it.prometheus.asked == []


async def test_keys_come_to_be_asked_at_the_same_instants():
    it = World()
    it.prometheus.latency = 0.5
    background = it.refreshing()
    rules = [rule_of(name=f"m{n}") for n in range(20)]
    for rule in rules:
        await it.read(rule)
    start = it.clock.monotonic()
    await asyncio.sleep(50)
    background.cancel()
    ticks = Counter(at for at, _ in it.prometheus.asked if at > start + TTL)
    assert set(ticks.values()) == {20}
    assert all(
        later - earlier == pytest.approx(TTL)
        for earlier, later in zip(sorted(ticks), sorted(ticks)[1:], strict=False)
    )


async def test_every_time_to_live_has_its_own_grid():
    it = World()
    background = it.refreshing()
    quick, slow = rule_of("cacheTTL: 2s", "quick"), rule_of("cacheTTL: 20s", "slow")
    await it.read(slow)
    await it.read(quick)
    await asyncio.sleep(40.5)
    background.cancel()
    assert Counter(query for _, query in it.prometheus.asked) == {"quick": 21, "slow": 3}


async def test_what_lives_shortly_is_left_to_its_readers():
    it = World()
    background = it.refreshing()
    await it.read(rule_of("cacheTTL: 0s"))
    await it.read(rule_of("cacheTTL: 10ms", "n"))
    await asyncio.sleep(30)
    background.cancel()
    assert len(it.prometheus.asked) == 2


async def test_a_slow_query_does_not_hold_up_the_next_round():
    it = World()
    background = it.refreshing()
    await it.read(M)
    it.prometheus.latency = 8.0
    await asyncio.sleep(TTL + 1)
    it.prometheus.latency = 0.0
    other = rule_of(name="other")
    await it.read(other)
    await asyncio.sleep(TTL)
    background.cancel()
    assert [at for at, query in it.prometheus.asked if query == "other"] == [TTL + 1, 2 * TTL]


class Circuit:
    """Lets a test say what becomes of queries, and counts how often it is asked."""

    def __init__(self) -> None:
        self.says: Admission = "pass"

    def __call__(self, name: str) -> Admission:
        assert name == ""
        return self.says


async def test_an_open_circuit_is_left_alone_but_for_one_probe():
    it = World()
    circuit = Circuit()
    background = asyncio.create_task(Refresher(it.values, circuit, it.clock).run())
    rules = [rule_of(name=f"m{n}") for n in range(5)]
    for rule in rules:
        await it.read(rule)
    circuit.says = "refuse"
    await asyncio.sleep(TTL + 0.1)
    assert len(it.prometheus.asked) == 5
    circuit.says = "probe"
    await asyncio.sleep(TTL)
    assert len(it.prometheus.asked) == 6

    query = it.prometheus.query

    async def answers(question, budget):
        found = await query(question, budget)
        circuit.says = "pass"
        return found

    it.prometheus.query = answers  # type: ignore[method-assign]
    await asyncio.sleep(TTL)
    # The probe was answered, so the others follow at once.
    assert len(it.prometheus.asked) == 11
    background.cancel()


async def test_failures_of_the_background_reach_readers_as_old_values_alone():
    it = World()
    background = it.refreshing()
    await it.read(M)
    it.prometheus.failure = "bad response"
    await asyncio.sleep(TTL + 1)
    before = len(it.prometheus.asked)
    for _ in range(10):
        assert (await it.read(M)).age == 6
    assert len(it.prometheus.asked) == before
    it.prometheus.failure = None
    await asyncio.sleep(TTL)
    assert (await it.read(M)).age is None
    assert not background.done()
    background.cancel()
