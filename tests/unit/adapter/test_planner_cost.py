"""What a fleet costs Prometheus: 5,000 autoscalers on 20 rules, at most 100 queries in 15 s."""

import asyncio

import pytest

from tests.unit.adapter.fleet import Fleet

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

MOST = 100
EVEN = [250] * 20
UNEVEN = [
    60,
    700,
    35,
    410,
    5,
    1100,
    120,
    95,
    250,
    333,
    71,
    404,
    199,
    16,
    320,
    270,
    150,
    222,
    90,
    150,
]


async def test_a_fleet_in_operation():
    assert sum(UNEVEN) == 5000
    assert len(UNEVEN) == 20
    it = Fleet(UNEVEN)
    refreshing = asyncio.create_task(it.refresher.run())
    await it.cycle()
    cost = await it.cycle()
    refreshing.cancel()
    assert cost <= MOST


async def test_a_fleet_that_comes_at_once():
    it = Fleet(EVEN)
    await asyncio.gather(*(it.read(number) for number in range(5000)))
    assert len(it.prometheus.asked) <= MOST
