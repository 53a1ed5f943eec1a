"""Windows, delays and what a gap in the evidence does to them (§14, D12, D13, D15)."""

import pytest

from scaler.core.decision import decide
from scaler.core.observed import Memory, Timer
from scaler.core.timing import Windows, delay_left, remember, windows
from tests.oracle.worlds import NOW, good, held_for, look, metric, missing, plain_spec

ABOVE, INSIDE, BELOW = good(2_000_000), good(500_000), good(50_000)


def seconds(count: float) -> int:
    return NOW - round(count * 1000)


def test_both_windows_start_from_the_last_scaling():  # W-C01, W-C02
    spec = plain_spec(up_window=30, down_window=60)
    assert windows(spec, seconds(15), NOW) == Windows(up=15_000, down=45_000)
    decision = decide(spec, look(6, good(200_000), memory=held_for(999, since_scale=15)), NOW)
    assert decision.windows == Windows(up=15_000, down=45_000)


@pytest.mark.parametrize(
    ("passed", "up", "down"),
    [(0, 30_000, 60_000), (29.999, 1, 30_001), (30, 0, 30_000), (60, 0, 0), (-5, 35_000, 65_000)],
)
def test_a_window_is_open_when_it_has_passed(passed, up, down):
    spec = plain_spec(up_window=30, down_window=60)
    assert windows(spec, seconds(passed), NOW) == Windows(up, down)


def test_without_a_last_scaling_the_windows_are_open():
    assert windows(plain_spec(), None, NOW) == Windows(0, 0)


@pytest.mark.parametrize(
    ("reading", "since_scale", "rule"),
    [
        (ABOVE, 29, "upscale_window"), (ABOVE, 30, "above_watermark"),
        (BELOW, 59, "downscale_window"), (BELOW, 60, "below_watermark"),
    ],
)  # fmt: skip
def test_a_closed_window_holds_its_direction(reading, since_scale, rule):
    spec = plain_spec(up_window=30, down_window=60)
    decision = decide(spec, look(6, reading, memory=held_for(999, since_scale=since_scale)), NOW)
    assert decision.rule == rule
    assert decision.scales is (rule in ("above_watermark", "below_watermark"))


@pytest.mark.parametrize("last_scale", [None, NOW - 3_600_000])
def test_an_object_never_scaled_honours_delays_and_writes_only_on_change(last_scale):  # D12
    spec = plain_spec(up_delay=30)
    first = decide(spec, look(6, ABOVE, memory=Memory(last_scale)), NOW)
    assert (first.rule, first.desired, first.binding.wait) == ("upscale_delay", 6, 30_000)
    assert decide(spec, look(6, INSIDE, memory=Memory(last_scale)), NOW).scales is False


@pytest.mark.parametrize(
    ("held", "scales"), [(0, False), (29, False), (29.999, False), (30, True), (31, True)]
)
@pytest.mark.parametrize("reading", [ABOVE, BELOW])
def test_the_value_has_to_stay_out_for_the_whole_delay(reading, held, scales):  # W-D01
    spec = plain_spec(up_delay=30, down_delay=30)
    assert decide(spec, look(6, reading, memory=held_for(held)), NOW).scales is scales


def test_one_evaluation_inside_starts_the_delay_anew():
    spec = plain_spec(up_delay=30)
    memory = held_for(29)
    inside = decide(spec, look(6, INSIDE, memory=memory), NOW)
    assert inside.memory.above == Timer(False, NOW)
    again = decide(spec, look(6, ABOVE, memory=inside.memory), NOW + 15_000)
    assert again.memory.above == Timer(True, NOW + 15_000)
    assert again.binding.wait == 30_000


def test_transitions_are_kept_in_whole_seconds():  # W-D02
    decision = decide(plain_spec(), look(6, ABOVE), NOW + 999)
    assert decision.memory.above == Timer(True, NOW)
    assert decision.memory.below == Timer(False, NOW)
    assert (decision.memory.above_seen, decision.memory.below_seen) == (NOW + 999, NOW + 999)


def test_either_of_several_metrics_keeps_the_delay_running():  # W-D04
    pair = (metric(1_000_000, 100_000, "one"), metric(1_000_000, 100_000, "two"))
    spec = plain_spec(pair, up_delay=60)
    memory = Memory()
    scaled = []
    for at in range(0, 75, 15):
        one = ABOVE if at <= 40 else INSIDE
        two = ABOVE if 30 <= at <= 60 else INSIDE
        decision = decide(spec, look(6, one, two, memory=memory), NOW + at * 1000)
        memory = decision.memory
        if decision.scales:
            scaled.append(at)
    assert scaled == [60]


def test_convergence_waits_for_windows_but_for_no_delay():
    spec = plain_spec(converge="high", down_delay=300, down_window=60)
    assert decide(spec, look(6, good(300_000), memory=held_for(0)), NOW).desired == 5
    closed = decide(spec, look(6, good(300_000), memory=held_for(0, since_scale=59)), NOW)
    assert (closed.rule, closed.desired) == ("downscale_window", 6)


@pytest.mark.parametrize(
    ("since_scale", "held", "rules"),
    [
        (50, 5, ["upscale_window", "upscale_delay"]),  # the delay lasts longer and binds
        (35, 25, ["upscale_delay", "upscale_window"]),
    ],
)
def test_of_two_waits_the_longer_binds(since_scale, held, rules):
    spec = plain_spec(up_window=60, up_delay=30)
    decision = decide(spec, look(6, ABOVE, memory=held_for(held, since_scale=since_scale)), NOW)
    assert [step.rule for step in decision.steps][-2:] == rules
    assert decision.binding.wait == 25_000


def test_what_is_left_of_a_delay():  # W-D03
    assert delay_left(Timer(True, seconds(10)), 30, NOW) == 20_000
    assert delay_left(Timer(True, seconds(40)), 30, NOW) == 0
    assert delay_left(Timer(False, seconds(40)), 30, NOW) == 30_000
    assert delay_left(Timer(), 30, NOW) == 30_000
    assert delay_left(Timer(), 0, NOW) == 0


# Gaps (D15). The period is 15 s, so a gap is long above 52.5 s.


def after(memory: Memory, *, above=True, below=True, complete=True, now=NOW) -> Memory:
    return remember(memory, above=above, below=below, complete=complete, now=now, period=15_000)


def seen(gap: float | None, held: float = 100) -> Memory:
    timer = Timer(True, seconds(held))
    last = None if gap is None else seconds(gap)
    return Memory(None, timer, timer, last, last)


@pytest.mark.parametrize(
    ("gap", "above_held", "below_held"),
    [
        (15, 100, 100), (45, 100, 100), (52, 100, 100), (52.5, 100, 100),
        (52.501, 48, 0),  # 100 - 52.501 = 47.499; starts are cut to whole seconds
        (60, 40, 0), (100, 0, 0), (150, 0, 0), (None, 100, 0),
    ],
)  # fmt: skip
def test_a_gap_is_taken_off_growth_and_restarts_shrinking(gap, above_held, below_held):
    memory = after(seen(gap))
    assert memory.above == Timer(True, seconds(above_held))
    assert memory.below == Timer(True, seconds(below_held))


def test_a_start_is_never_in_the_future():
    assert after(seen(300), now=NOW + 999).above == Timer(True, NOW)


def test_a_gap_means_nothing_to_a_condition_that_changes():
    memory = after(seen(600), above=False, below=False)
    assert memory.above == memory.below == Timer(False, NOW)
    idle = Memory(None, Timer(False, 5000), Timer(False, 6000), seconds(600), seconds(600))
    memory = after(idle, above=False, below=False)
    assert (memory.above, memory.below) == (Timer(False, 5000), Timer(False, 6000))


def test_the_gap_ends_with_the_first_evaluation_that_sets_the_conditions():
    spec = plain_spec(down_delay=60)
    memory = held_for(300)
    for at in (0, 15, 30, 45, 60):  # an outage of 75 s since the last good sample
        decision = decide(spec, look(6, missing(), memory=memory), NOW + at * 1000)
        assert (decision.desired, decision.memory) == (6, memory)
    back = decide(spec, look(6, BELOW, memory=memory), NOW + 75_000)
    assert back.memory.below == Timer(True, NOW + 75_000)
    assert (back.rule, back.binding.wait) == ("downscale_delay", 60_000)


def test_whatever_stops_the_evaluations_makes_the_gap():
    spec = plain_spec(down_delay=60, max_replicas=8)
    memory = held_for(300)
    for at in (0, 15, 30, 45):  # above maxReplicas: correction passes set no conditions
        memory = decide(spec, look(9, BELOW, memory=memory), NOW + at * 1000).memory
    assert decide(spec, look(8, BELOW, memory=memory), NOW + 60_000).rule == "downscale_delay"


def test_a_longer_period_forgives_longer_gaps():
    memory = remember(seen(100), above=True, below=True, complete=True, now=NOW, period=30_000)
    assert memory.below == Timer(True, seconds(100))


# While a metric is missing (D13).


def test_incomplete_evidence_moves_only_above_and_only_to_true():
    memory = after(seen(15), above=False, below=True, complete=False)
    assert memory == seen(15)
    memory = after(Memory(None, Timer(False, 5000), Timer(True, 6000)), complete=False)
    assert memory == Memory(None, Timer(True, NOW), Timer(True, 6000), NOW, None)


def test_incomplete_evidence_is_a_gap_for_below():
    memory = seen(15)
    for at in (0, 15, 30, 45):
        memory = after(memory, above=True, complete=False, now=NOW + at * 1000)
    memory = after(memory, now=NOW + 60_000)
    assert memory.above == Timer(True, seconds(100))
    assert memory.below == Timer(True, NOW + 60_000)
