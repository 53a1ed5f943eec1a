"""How long a value serves, who waits for a newer one, what stands in for it; in virtual time."""

import asyncio

import pytest

from adapter.core.results import Answer, LeftOut
from kube.vocab.times import format_rfc3339
from tests.unit.adapter.virtual import EPOCH, TTL, World, items_of, rule_of

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

M = rule_of()


async def test_an_answer_serves_for_its_time_to_live():
    it = World()
    assert await it.second(M) == 0.0
    await asyncio.sleep(TTL - 0.01)
    assert await it.second(M) == 0.0
    await asyncio.sleep(0.3)
    assert await it.second(M) == pytest.approx(TTL + 0.29)
    assert (it.reads("upstream"), it.reads("cache")) == (2, 1)


async def test_the_rules_own_time_to_live_counts():
    it = World()
    rule = rule_of("cacheTTL: 20s")
    await it.read(rule)
    await asyncio.sleep(19.9)
    assert await it.second(rule) == 0.0


async def test_a_failing_query_leaves_the_last_good_value_with_its_timestamp_for_thirty_seconds():
    it = World()
    first = await it.read(M)
    it.prometheus.failure = "unavailable"
    for _ in range(5):
        await asyncio.sleep(5.9)
        found = await it.read(M)
        assert items_of(found)[0]["timestamp"] == format_rfc3339(EPOCH)
        assert found.age == int(it.clock.monotonic())
        assert found.body("m") == first.body("m")
    assert it.reads("stale") == 5
    await asyncio.sleep(0.6)
    assert await it.failure(M) == "unavailable"


async def test_recovery_is_seen_at_the_next_read():
    it = World()
    await it.read(M)
    it.prometheus.failure = "timeout"
    await asyncio.sleep(6)
    assert (await it.read(M)).age == 6
    it.prometheus.failure = None
    await asyncio.sleep(6)
    assert (await it.read(M)).age is None
    assert await it.second(M) == 12.0


async def test_who_comes_back_after_long_waits_for_prometheus():
    it = World()
    rule = rule_of("staleFor: 90s")
    await it.read(rule)
    await asyncio.sleep(61)
    it.prometheus.latency = 8.0
    assert await it.second(rule) == 61.0
    assert it.clock.monotonic() == 69.0


async def test_who_comes_back_after_long_still_gets_the_old_value_when_prometheus_fails():
    it = World()
    rule = rule_of("staleFor: 90s")
    await it.read(rule)
    await asyncio.sleep(61)
    it.prometheus.latency, it.prometheus.failure = 2.0, "unavailable"
    assert (await it.read(rule)).age == 63


async def test_a_slow_query_makes_nobody_wait_where_an_old_value_may_stand_in():
    it = World()
    await it.read(M)
    it.prometheus.latency = 8.0
    await asyncio.sleep(6)
    assert (await it.read(M)).age == 6  # a moment's patience
    before = it.clock.monotonic()
    assert before == pytest.approx(6.5)
    assert (await it.read(M)).age == 6
    assert it.clock.monotonic() == before
    # The query went on, although nobody waited.
    await asyncio.sleep(7.6)
    assert await it.second(M) == 6.0
    assert it.prometheus.cancelled == 0


async def test_a_query_that_nobody_waits_for_is_cancelled():
    it = World()
    it.prometheus.latency = 8.0
    assert await it.failure(M, budget=0.2) == "timeout"
    await asyncio.sleep(0)
    assert it.prometheus.cancelled == 1


async def test_a_hung_prometheus_is_a_timeout_once_the_old_value_is_too_old():
    it = World()
    await it.read(M)
    it.prometheus.latency = 1000.0
    await asyncio.sleep(TTL)
    while it.clock.monotonic() < 26:
        await asyncio.sleep(3)
        assert (await it.read(M)).age is not None
    await asyncio.sleep(5)
    assert await it.failure(M) == "timeout"


@pytest.mark.parametrize("options", ["onError: error", "staleFor: 0s"])
async def test_a_rule_may_want_no_old_values(options):
    it = World()
    rule = rule_of(options)
    await it.read(rule)
    it.prometheus.failure = "unavailable"
    await asyncio.sleep(TTL - 0.1)
    await it.read(rule)
    await asyncio.sleep(0.1)
    assert await it.failure(rule) == "unavailable"


async def test_a_rule_may_name_a_value_for_failures_which_comes_after_the_old_one():
    it = World()
    rule = rule_of("onError: {value: 7.5}, window: 2m")
    await it.read(rule)
    it.prometheus.failure = "unavailable"
    await asyncio.sleep(10)
    assert (await it.read(rule)).age == 10
    await asyncio.sleep(25)
    (item,) = await it.items(rule)
    assert (item["value"], item["window"], item["metricLabels"]) == ("7500m", 120, {})
    assert item["timestamp"] == format_rfc3339(EPOCH + 35_000)
    assert it.reads("fallback") == 1
    # An impatient caller's own haste is no failure of the query.
    it.prometheus.latency = 5.0
    assert await it.failure(rule, budget=0.1) == "timeout"


async def test_what_a_rule_refuses_is_told_at_once_and_remembered():
    it = World()
    rule = rule_of("onEmpty: error")
    await it.read(rule)
    it.prometheus.answer = Answer(())
    await asyncio.sleep(6)
    # There is an answer, so no old value stands in for one.
    for _ in range(10):
        assert await it.failure(rule) == "no series"
    assert len(it.prometheus.asked) == 2
    refused = {"metric": "m", "class": "no series"}
    sample = it.metrics.registry.get_sample_value("wpa_adapter_answers_refused_total", refused)
    assert sample == 1
    it.prometheus.failure = "unavailable"
    await asyncio.sleep(6)
    assert await it.failure(rule) == "unavailable"
    it.prometheus.failure = it.prometheus.answer = None
    assert await it.second(rule) == 12.0


async def test_window_reaches_the_items_and_a_nan_is_never_a_zero():
    it = World()
    rule = rule_of("window: 2m, onEmpty: zero")
    assert b'"window":120' in (await it.read(rule)).body("m")
    assert b'"window":120' in (await it.read(rule)).body("M")
    it.prometheus.answer = Answer((), (LeftOut({}, "nan"),))
    await asyncio.sleep(6)
    assert (await it.read(rule)).absence == "nan"
    it.prometheus.answer = Answer(())
    await asyncio.sleep(6)
    (item,) = await it.items(rule)
    assert (item["value"], item["timestamp"]) == ("0", format_rfc3339(EPOCH + 12_000))


async def test_a_reload_that_changes_the_policy_changes_what_is_handed_out():
    it = World()
    await it.read(rule_of())
    await it.read(rule_of())
    assert len(it.prometheus.asked) == 1
    found = await it.read(rule_of("window: 60s"))
    assert b'"window":60' in found.body("m")
    assert len(it.prometheus.asked) == 2


async def test_a_rules_timeout_is_the_querys():
    it = World()
    it.prometheus.latency = 3.0
    assert await it.failure(rule_of("timeout: 2s")) == "timeout"
    assert it.clock.monotonic() == 2.0
    it.prometheus.latency = 15.0
    assert await it.second(rule_of("timeout: 20s"), budget=20) == 2.0


async def test_who_wants_nothing_remembered_gets_nothing_old_from_a_prometheus_that_answers():
    it = World()
    rule = rule_of("cacheTTL: 0s")
    await it.read(rule)
    await asyncio.sleep(20)
    it.prometheus.latency = 2.0
    assert await asyncio.gather(*(it.second(rule) for _ in range(3))) == [20.0] * 3
    assert len(it.prometheus.asked) == 2
    it.prometheus.failure = "unavailable"
    assert (await it.read(rule)).age == 4
