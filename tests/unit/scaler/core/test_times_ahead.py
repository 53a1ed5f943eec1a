"""Times in a status that have not come yet are named, so that they can be told of."""

from kube.vocab.conditions import Condition
from kube.vocab.times import SECOND, format_rfc3339
from scaler.core.status import memory_of, times_ahead
from scaler.core.wire import AutoscalerStatus
from tests.oracle.worlds import NOW


def test_only_times_after_now_are_named():
    ahead, past = format_rfc3339(NOW + 60 * SECOND), format_rfc3339(NOW)
    conditions = (
        Condition("AboveHighWatermark", "True", ahead, "", ""),
        Condition("BelowLowWatermark", "False", past, "", ""),
        Condition("ScalingActive", "True", "not a time", "", ""),
    )
    status = AutoscalerStatus(last_scale_time=ahead, conditions=conditions)
    assert times_ahead(status, NOW) == (
        f"lastScaleTime {ahead}",
        f"lastTransitionTime of AboveHighWatermark {ahead}",
    )
    # What is said of them is what is made of them.
    memory = memory_of(status, NOW)
    assert (memory.last_scale, memory.above.since) == (NOW, NOW)


def test_an_empty_status_tells_of_no_time():
    assert times_ahead(AutoscalerStatus(), NOW) == ()


def test_a_lease_renewed_in_the_future_tells_nothing_of_who_held_it():
    below = Condition("BelowLowWatermark", "True", format_rfc3339(NOW - 60 * SECOND), "", "")
    status = AutoscalerStatus(conditions=(below,))
    unknown = memory_of(status, NOW)
    assert memory_of(status, NOW, NOW + 1) == unknown
    assert memory_of(status, NOW, NOW).below_seen == NOW
