"""The recorder: samples per cycle, moves with the time the value went above."""

from kube.vocab.conditions import Condition
from kube.vocab.times import SECOND, format_rfc3339
from sandbox.demo.observation import Observation
from sandbox.demo.report import Move, Recorder, Report

START = 1_700_000_000 * SECOND


def _seen(replicas: int, *, above: int | None = None, scaled: int | None = None) -> Observation:
    conditions = []
    if above is not None:
        since = format_rfc3339(START + above * SECOND)
        conditions.append(Condition("AboveHighWatermark", "True", since, "", ""))
    return Observation(
        name="a",
        target="b",
        value=5.0,
        low=1.0,
        high=2.0,
        replicas=replicas,
        ready=1,
        decision="d",
        reason="r",
        conditions=tuple(conditions),
        last_scale=None if scaled is None else START + scaled * SECOND,
    )


def _recorder() -> Recorder:
    return Recorder(Report(prometheus="stand-in", period=3, upscale_delay=6), START)


def test_a_move_has_the_time_of_the_scale_and_of_the_crossing() -> None:
    recorder = _recorder()
    recorder.notice([_seen(2, above=20)], START + 27 * SECOND)
    recorder.notice([_seen(4, above=20, scaled=28)], START + 29 * SECOND)
    recorder.notice([_seen(4, above=20, scaled=28)], START + 30 * SECOND)
    assert recorder.report.moves == {
        "forethought-kodo/a": [Move(t=28.0, before=2, after=4, out_since=20.0)]
    }


def test_a_move_whose_status_is_not_written_yet_has_the_time_it_was_seen() -> None:
    recorder = _recorder()
    recorder.notice([_seen(4, above=20, scaled=28)], START + 29 * SECOND)
    recorder.notice([_seen(3, scaled=28)], START + 40 * SECOND)
    (move,) = recorder.report.moves["forethought-kodo/a"]
    assert (move.t, move.before, move.after) == (40.0, 4, 3)


def test_every_cycle_is_one_sample() -> None:
    recorder = _recorder()
    for second in (0, 3, 6):
        recorder.cycle([_seen(2)], START + second * SECOND)
    report = recorder.report
    assert report.cycles == 3
    assert [s.t for s in report.autoscalers["forethought-kodo/a"]] == [0.0, 3.0, 6.0]
    assert (report.marks["forethought-kodo/a"].low, report.seconds) == (1.0, 6.0)
