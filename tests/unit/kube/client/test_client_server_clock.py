"""The API server's time, as far as the `Date` of its answers tells."""

import pytest

from kube.client.server_clock import ServerClock
from kube.vocab.times import parse_rfc3339

NOW = parse_rfc3339("2026-01-31T12:00:00Z")


class Stopped:
    """A clock that stands at NOW."""

    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sat, 31 Jan 2026 11:58:30 GMT", -90_000),
        ("Sat, 31 Jan 2026 12:10:00 GMT", 600_000),
        # Dates have whole seconds, and answers take a while.
        ("Sat, 31 Jan 2026 11:59:56 GMT", 0),
        ("Sat, 31 Jan 2026 12:00:04 GMT", 0),
        (None, 0),
        ("", 0),
        ("yesterday", 0),
        ("Sat, 31 Jan 99999 12:00:00 GMT", 0),
    ],
)
def test_a_difference_beyond_rounding_is_known(date, ahead):
    clock = ServerClock(Stopped())
    clock.heard("/api/v1/namespaces/shop/pods", date)
    assert clock.ahead == ahead


def test_it_ends_with_the_first_answer_that_agrees():
    clock = ServerClock(Stopped())
    clock.heard("/api/v1/pods", "Sat, 31 Jan 2026 11:58:30 GMT")
    clock.heard("/api/v1/pods", "Sat, 31 Jan 2026 12:00:00 GMT")
    assert clock.ahead == 0


def test_the_clock_of_an_aggregated_server_is_another_one():
    clock = ServerClock(Stopped())
    clock.heard("/apis/external.metrics.k8s.io/v1beta1", "Sat, 31 Jan 2026 11:58:30 GMT")
    assert clock.ahead == 0
