"""No value is ever older than its rule allows, whatever Prometheus and callers do."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.core.results import UpstreamError
from tests.unit.adapter.virtual import TIMEOUT, TTL, World, in_virtual_time, rule_of

RULES = [
    rule_of("", "a"),
    rule_of("cacheTTL: 1s", "b"),
    rule_of("cacheTTL: 40s", "c"),
    rule_of("staleFor: 0s", "d"),
    rule_of("staleFor: 100s", "e"),
    rule_of("cacheTTL: 0s", "f"),
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(RULES),
            st.sampled_from([0.0, 0.3, 1.0, 5.2, 6.0, 25.0, 29.0, 32.0, 70.0]),
            st.sampled_from([0.1, TIMEOUT]),
            st.sampled_from([0.0, 0.0, 0.05, 3.0, 30.0]),
            st.sampled_from([None, "unavailable", "query rejected"]),
        ),
        min_size=2,
        max_size=25,
    )
)
@settings(max_examples=150)
def test_whatever_happens_no_value_is_older_than_allowed(steps):
    """A value is as old as its evaluation: at most the longer of the time to live and `staleFor`,
    or the answer to a query that this read itself waited for or joined.
    """

    async def scenario() -> None:
        it = World()
        background = it.refreshing()
        for rule, pause, budget, latency, failure in steps:
            await asyncio.sleep(pause)
            it.prometheus.latency, it.prometheus.failure = latency, failure
            before, joined = it.clock.monotonic(), it.reads("joined")
            try:
                evaluated = await it.second(rule, budget)
            except UpstreamError:
                continue
            ttl = TTL if rule.policy.cache_ttl is None else rule.policy.cache_ttl
            stale = 30.0 if rule.policy.stale_for is None else rule.policy.stale_for
            now = it.clock.monotonic()
            allowed = max(ttl, stale, now - before)
            if it.reads("joined") > joined:
                allowed = max(allowed, TIMEOUT)
            assert now - evaluated <= allowed + 1e-6, (rule.name, before, now, evaluated)
            assert now - before <= budget + 1e-6
        background.cancel()
        await asyncio.gather(background, return_exceptions=True)
        await it.values.close()

    in_virtual_time(scenario())
