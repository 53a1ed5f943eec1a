"""What a Lease says of its holder, as far as it can be believed."""

import pytest

from kube.client.lease_objects import LeaseSpec


@pytest.mark.parametrize(
    ("taken", "renewed", "held_for"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:30.500000Z", 30_500),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z", 0),
        ("2026-01-31T13:00:00Z", "2026-01-31T12:00:00Z", 0),
        (None, "2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00:00Z", None, 0),
        ("a while ago", "2026-01-31T12:00:00Z", 0),
        ("2026-01-31T12:00:00Z", "just now", 0),
    ],
)
def test_how_long_a_lease_was_held_by_its_own_word(taken, renewed, held_for):
    spec = LeaseSpec("first", 10, taken, renewed)
    assert spec.held_for == held_for
