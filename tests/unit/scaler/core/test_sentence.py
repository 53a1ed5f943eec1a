"""A decision in one sentence names the numbers that decided it."""

import pytest

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.observed import Observed, PodCounts
from scaler.core.sentence import sentence
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

NONE, SCALED = Applied(), Applied("scaled")
ABOVE, BELOW = good(2_000_000), good(50_000)
PAIR = (metric(1_000_000, 100_000, "one"), metric(1_000_000, 100_000, "two"))


@pytest.mark.parametrize(
    ("spec", "world", "applied", "parts"),
    [
        (plain_spec(), look(4, ABOVE), SCALED, ("scaled from 4 to 8", "backlog 2000", "1000")),
        (plain_spec(average=True), look(4, good(8_000_000)), SCALED, ("2000 per replica", "8")),
        (plain_spec(), look(4, BELOW), SCALED, ("from 4 to 2", "backlog 50 is below 100")),
        (plain_spec(), look(4, good(500_000)), NONE, ("stays at 4", "500", "100 and 1000")),
        (
            plain_spec(up_factor=50_000),
            look(4, ABOVE),
            SCALED,
            ("asks for 8", "scaleUpLimitFactor allows 6"),
        ),
        (
            plain_spec(down_factor=20_000),
            look(4, BELOW),
            SCALED,
            ("scaleDownLimitFactor allows 3",),
        ),
        (plain_spec(max_replicas=5), look(4, ABOVE), SCALED, ("asks for 8", "maxReplicas is 5")),
        (plain_spec(min_replicas=3), look(4, BELOW), SCALED, ("minReplicas is 3",)),
        (
            plain_spec(modulo=5, max_replicas=12),
            look(5, good(2_100_000)),
            SCALED,
            ("maxReplicas is 12",),
        ),
        (
            plain_spec(modulo=4, converge="high"),
            look(10, good(300_000)),
            SCALED,
            ("8 is the next multiple of 4",),
        ),
        (plain_spec(up_delay=30), look(4, ABOVE), NONE, ("stays at 4", "for another 30 s")),
        (plain_spec(down_delay=99), look(4, BELOW), NONE, ("below the low watermark", "99 s")),
        (
            plain_spec(up_window=60),
            look(4, ABOVE, memory=held_for(0, since_scale=18.5)),
            NONE,
            ("another 42 s",),
        ),
        (plain_spec(), look(4, good(0)), NONE, ("stays at 4", "0", "tolerateZero")),
        (plain_spec(), look(0), NONE, ("stays at 0", "switched off")),
        (plain_spec(max_replicas=3), look(4), SCALED, ("from 4 to 3", "above maxReplicas")),
        (plain_spec(min_replicas=5), look(4), SCALED, ("from 4 to 5", "below minReplicas")),
        (
            plain_spec(),
            look(4, missing("error", "503 from the adapter")),
            NONE,
            ("stays at 4", "backlog", "503 from the adapter"),
        ),
        (
            plain_spec(min_available=50),
            look(4, pods=PodCounts(3, 3, 1, 1)),
            NONE,
            ("stays at 4", "33 %"),
        ),
        (
            plain_spec(),
            look(4, BELOW, pods=PodCounts(4, 4, 4, 3, 1)),
            NONE,
            ("stays at 4", "1 Ready pods are younger"),
        ),
        (plain_spec(PAIR), look(4, BELOW, missing("stale")), NONE, ("stays at 4", "two: stale")),
        (plain_spec(), Observed(scale_error="scale not found"), NONE, ("holds", "scale not found")),
        (plain_spec(dry_run=True), look(4, ABOVE), Applied("dry_run"), ("dry run", "4 to 8")),
        (
            plain_spec(),
            look(4, ABOVE),
            Applied("failed", "conflict"),
            ("could not", "4 to 8", "conflict"),
        ),
    ],
)
def test_the_binding_numbers_are_named(spec, world, applied, parts):
    text = sentence(spec, decide(spec, world, NOW), applied)
    for part in parts:
        assert part in text
    assert "\n" not in text


def test_a_value_beyond_its_mark_but_within_the_tolerance_is_not_called_between():
    spec = plain_spec()
    for value, mark in ((1_050_000, "above 1000"), (95_000, "below 100")):
        text = sentence(spec, decide(spec, look(4, good(value)), NOW), NONE)
        assert mark in text
        assert "10 %" in text
        assert "between" not in text
