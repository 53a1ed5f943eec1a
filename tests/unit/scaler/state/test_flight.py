"""The flight recorder: the last hour in full, a day of changes of reason, bounded."""

from collections.abc import Callable

from scaler.core.conditions import Applied
from scaler.core.decision import decide
from scaler.core.record import Record, replay
from scaler.core.spec import Spec
from scaler.state.flight import DAY, HOUR, Flight
from tests.oracle.worlds import NOW, given_spec, good, look

PERIOD = 15_000


def fly(
    flight: Flight,
    hours: float,
    value: Callable[[int], int] = lambda turn: 50_000,
    spec: Spec | None = None,
    start: int = NOW,
) -> int:
    spec = spec or given_spec()
    turns = int(hours * HOUR / PERIOD)
    for turn in range(turns):
        at = start + turn * PERIOD
        observed = look(4, good(value(turn)))
        rule = decide(spec, observed, at).rule
        flight.add(Record(at, flight.version_of(spec), observed, Applied(), rule))
    return start + (turns - 1) * PERIOD


def test_the_last_hour_is_there_in_full_and_in_order():
    flight = Flight()
    end = fly(flight, 3)
    times = [record.at for record, _ in flight.records()]
    assert times == sorted(times)
    recent = [at for at in times if at > end - HOUR]
    assert recent == list(range(end - HOUR + PERIOD, end + 1, PERIOD))


def test_changes_of_reason_are_kept_for_a_day_and_no_longer():
    flight = Flight()
    spec = given_spec()
    high = spec.metrics[0].high
    calm, burst = (high + spec.metrics[0].low) // 2, high * 10
    changes = {240: burst, 244: calm, 240 * 10: burst, 240 * 10 + 4: calm}

    def value(turn):
        return (
            changes[max((at for at in changes if at <= turn), default=0)] if turn >= 240 else calm
        )

    end = fly(flight, 20, value, spec)
    times = [record.at for record, _ in flight.records()]
    assert {NOW + turn * PERIOD for turn in changes} <= set(times)
    fly(flight, 30, lambda _: calm, spec, end + PERIOD)
    assert all(record.at > end - DAY for record, _ in flight.records())


def test_what_is_kept_is_bounded_however_often_the_reason_changes():
    flight = Flight()
    spec = given_spec()
    high, low = spec.metrics[0].high, spec.metrics[0].low
    fly(flight, 48, lambda turn: high * 10 if turn % 2 else (high + low) // 2, spec)
    assert len(list(flight.records())) <= 60 * (16 + 8 + 2)


def test_records_know_the_specification_they_were_decided_on():
    flight = Flight()
    first, second = given_spec(maxReplicas=9), given_spec(maxReplicas=7)
    end = fly(flight, 0.1, spec=first)
    fly(flight, 0.1, spec=second, start=end + PERIOD)
    for record, spec in flight.records():
        assert spec == (first if record.at <= end else second)
        assert replay(record, spec).rule == record.rule


def test_its_size_grows_with_the_hour_and_then_stays():
    flight = Flight()
    sizes, end = [flight.size], NOW - PERIOD
    for _ in range(6):
        end = fly(flight, 0.5, lambda turn: 50_000 + turn % 7, start=end + PERIOD)
        sizes.append(flight.size)
    assert 0 <= sizes[0] < 50
    assert sizes[0] < sizes[1] < sizes[2]
    # A batch more or less is kept of what is older than the hour.
    assert max(sizes[3:]) < 1.3 * sizes[2]
    assert abs(sizes[6] - sizes[4]) < 0.05 * sizes[4]
