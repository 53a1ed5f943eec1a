"""Two hundred autoscalers through an outage that outlasts what may stand in, in virtual time."""

import pytest

from tests.integration.adapter.kit.wire import in_process
from tests.soak.adapter.run import Plan, soak


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_two_hundred_autoscalers_never_read_a_wrong_or_too_old_value():
    plan = Plan(
        ((1.5, 0.0), (4.5, 1.0), (1.5, 0.5), (5.0, 0.0)),
        period=0.4, ttl=0.5, stale_for=1.0, timeout=0.5,
    )  # fmt: skip
    ledger = await soak(plan, seconds=9, seed=7, line=in_process)
    assert ledger.problems == []
    # Values, old ones among them, and the failure of Prometheus once they were too old.
    assert ledger.outcomes["value"] > 200
    assert ledger.oldest > plan.ttl
    assert sum(ledger.outcomes[name] for name in ledger.outcomes if name.startswith("50")) > 200
    assert ledger.outcomes["queries of Prometheus"] < ledger.outcomes["value"]
    assert max(look.tasks for look in ledger.looks) < 4 * plan.autoscalers
