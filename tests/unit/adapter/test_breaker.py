"""The circuit breaker against its rules, over any course of events."""

from hypothesis import given
from hypothesis import strategies as st

from adapter.core.breaker import CLOSED, FAILURES, PROBE_EVERY, Breaker

EVENTS = st.lists(st.tuples(st.sampled_from(["ask", "ok", "bad"]), st.floats(0.0, 20.0)))


def opened(at: float) -> Breaker:
    breaker = CLOSED
    for _ in range(FAILURES):
        breaker = breaker.failed(at)
    return breaker


def test_five_failures_in_a_row_open_it_and_four_do_not():
    breaker = CLOSED
    for count in range(FAILURES):
        assert (breaker.failures, breaker.open) == (count, False)
        assert breaker.admission(7.0) == "pass"
        breaker = breaker.failed(7.0)
    assert breaker.open


def test_a_success_between_failures_starts_the_count_anew():
    breaker = CLOSED
    for _ in range(10):
        breaker = breaker.failed(1.0).failed(1.0).failed(1.0).failed(1.0).succeeded()
    assert breaker == CLOSED


def test_one_probe_every_five_seconds():
    breaker = opened(100.0)
    assert breaker.admission(104.9) == "refuse"
    assert breaker.admission(105.0) == "probe"
    breaker = breaker.probing(106.0)
    assert breaker.admission(110.9) == "refuse"
    assert breaker.admission(111.0) == "probe"


def test_failures_of_queries_under_way_do_not_postpone_the_probe():
    breaker = opened(100.0)
    assert breaker.failed(104.0).admission(105.0) == "probe"


def test_a_probe_that_succeeds_closes_it():
    assert opened(100.0).probing(105.0).succeeded().admission(105.0) == "pass"


@given(EVENTS)
def test_any_course_of_events(events: list[tuple[str, float]]):
    """A model that only remembers events: failures since the last success, and gone probes."""
    breaker, now, in_a_row = CLOSED, 0.0, 0
    opened_at = last_probe = float("-inf")
    for event, pause in events:
        now += pause
        if event == "ok":
            breaker, in_a_row = breaker.succeeded(), 0
            opened_at = last_probe = float("-inf")
        elif event == "bad":
            in_a_row += 1
            if in_a_row == FAILURES:
                opened_at = now
            breaker = breaker.failed(now)
        else:
            admission = breaker.admission(now)
            if in_a_row < FAILURES:
                assert admission == "pass"
            elif now >= max(opened_at, last_probe) + PROBE_EVERY:
                assert admission == "probe"
                breaker, last_probe = breaker.probing(now), now
            else:
                assert admission == "refuse"
        assert breaker.open == (in_a_row >= FAILURES)
