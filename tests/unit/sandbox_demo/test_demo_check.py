"""The check of a report: a good one passes, each broken promise is named."""

from collections.abc import Callable

import msgspec
import pytest
from click.testing import CliRunner

from sandbox.cli import cli
from sandbox.demo.check import METRIC_CONSUMER, OTHER_CONSUMER, problems
from sandbox.demo.report import (
    Marks,
    Move,
    Report,
    ReportError,
    Sample,
    read_report,
    write_report,
)


def _sample(t: float, value: float | None, replicas: int) -> Sample:
    return Sample(t=t, value=value, replicas=replicas, ready=replicas, decision="x", reason="y")


def good() -> Report:
    counts = [2] * 10 + [4, 8, 8, 8, 8, 6, 5, 4, 3, 2]
    return Report(
        cycles=len(counts),
        prometheus="real",
        period=3.0,
        upscale_delay=6.0,
        seconds=57.0,
        marks={METRIC_CONSUMER: Marks(100, 1000), OTHER_CONSUMER: Marks(100, 1000)},
        autoscalers={
            METRIC_CONSUMER: [_sample(3.0 * i, 900.0, n) for i, n in enumerate(counts)],
            OTHER_CONSUMER: [_sample(3.0 * i, 900.0, 3) for i in range(len(counts))],
        },
        moves={
            METRIC_CONSUMER: [
                Move(t=30, before=2, after=4, out_since=22),
                Move(t=36, before=4, after=8, out_since=22),
                Move(t=45, before=8, after=6),
            ]
        },
    )


def test_a_report_that_shows_everything_passes() -> None:
    assert problems(good()) == []


def _other(samples: list[Sample]) -> Callable[[Report], None]:
    return lambda report: report.autoscalers.__setitem__(OTHER_CONSUMER, samples)


def _moves(*moves: Move) -> Callable[[Report], None]:
    return lambda report: report.moves.__setitem__(METRIC_CONSUMER, list(moves))


DOWN = Move(t=45, before=8, after=6)


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (_moves(), "never scaled up (stayed at 2)"),
        (_moves(Move(t=36, before=2, after=4, out_since=22), DOWN), "14 s after its value"),
        (_moves(Move(t=26, before=2, after=4, out_since=22), DOWN), "within the delay of 6 s"),
        (_moves(Move(t=30, before=2, after=4), DOWN), "although its value was not above"),
        (_moves(Move(t=30, before=2, after=4, out_since=22)), "did not come down from 4"),
        (_other([_sample(3.0 * i, 900.0, 3 + i // 10) for i in range(20)]), "moved"),
        (_other([_sample(3.0 * i, 0.0, 3) for i in range(20)]), "left its band at 0 s"),
        (_other([_sample(3.0 * i, None, 3) for i in range(20)]), "no value in 20 of 20 cycles"),
        (_other([]), f"{OTHER_CONSUMER} is not in the report"),
        (_other([_sample(1.0, 900.0, 3)] * 20), "do not ascend"),
        (lambda report: setattr(report, "seconds", 200.0), "only 20 cycles in 200 s"),
    ],
)
def test_each_broken_promise_is_named(breaks, said) -> None:
    report = good()
    breaks(report)
    assert any(said in problem for problem in problems(report)), problems(report)


def test_the_command_reads_a_report_and_judges_it(tmp_path) -> None:
    path = tmp_path / "out.json"
    write_report(path, good())
    assert CliRunner().invoke(cli, ["demo-check", str(path)]).exit_code == 0
    bad = good()
    bad.moves.clear()
    write_report(path, bad)
    result = CliRunner().invoke(cli, ["demo-check", str(path)])
    assert result.exit_code == 1
    assert "never scaled up" in result.output


@pytest.mark.parametrize("content", [None, "{", '{"cycles": "many"}'])
def test_a_file_that_is_no_report_is_named(tmp_path, content) -> None:
    path = tmp_path / "out.json"
    if content is not None:
        path.write_text(content)
    result = CliRunner().invoke(cli, ["demo-check", str(path)])
    assert result.exit_code == 2
    assert f"{path}: " in result.output


def test_a_report_has_the_documented_shape_and_reads_back(tmp_path) -> None:
    path = tmp_path / "out.json"
    write_report(path, good())
    written = msgspec.json.decode(path.read_bytes())
    assert written["cycles"] == 20
    assert written["prometheus"] == "real"
    assert written["autoscalers"][METRIC_CONSUMER][0] == {
        "t": 0.0, "value": 900.0, "replicas": 2, "ready": 2, "decision": "x", "reason": "y",
    }  # fmt: skip
    assert written["moves"][METRIC_CONSUMER][0]["from"] == 2
    assert read_report(path) == good()
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path) -> None:
    path = tmp_path / "out.json"
    path.mkdir()
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(path, good())
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]
