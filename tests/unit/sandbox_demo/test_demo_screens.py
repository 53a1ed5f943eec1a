"""What the demo shows, on a terminal and elsewhere."""

import io
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sandbox.demo.frame import BARS, Frame, kubectl_lines, shortened, sparkline
from sandbox.demo.observation import Observation
from sandbox.demo.screens import LiveScreen, PlainScreen
from sandbox.demo.stack import Moment


def _frame(**changes: object) -> Frame:
    fields: dict[str, object] = {
        "name": "kodo-x-metric",
        "target": "kodo-x-metric",
        "value": 9000.0,
        "low": 100.0,
        "high": 1000.0,
        "replicas": 4,
        "ready": 2,
        "decision": "scaled from 2 to 4",
        "reason": "the backlog is above 1000",
    }
    seen = Observation(**(fields | changes))  # type: ignore[arg-type]
    return Frame(
        moment=Moment("burst", 12.0, 30.0),
        observations=[seen],
        histories={seen.key: [0.0, 4500.0, None, 9000.0]},
        prometheus="Prometheus: real",
        remaining=60.0,
    )


def _shown(frame: Frame, *, live: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=live, color_system=None)
    with LiveScreen(console) if live else PlainScreen(console) as screen:
        screen.show(frame)
        screen.cycle(frame)
    return out.getvalue()


def test_the_live_view_shows_marks_replicas_decision_and_time() -> None:
    text = _shown(_frame(), live=True)
    for part in (
        "30 s", "burst, 12 s left", "Prometheus: real", "ends in 60 s", "9,000", "▁▅ █",
        "4,500", "100 to 1,000", "above", "2 ready of 4 wanted", "scaled from 2 to 4",
        "the backlog is above 1000",
    ):  # fmt: skip
        assert part in text, part


def test_plain_lines_carry_the_same() -> None:
    (line,) = _shown(_frame(), live=False).splitlines()
    for part in ("30 s", "burst", "9,000", "4,500 per replica", "2/4", "scaled from 2 to 4: the"):
        assert part in line


def test_a_missing_value_is_called_missing() -> None:
    for live in (True, False):
        text = _shown(_frame(value=None, decision="holds", reason=""), live=live)
        assert "no value" in text
        assert "holds" in text


@given(
    values=st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=100),
    width=st.integers(1, 60),
)
def test_a_sparkline_has_one_mark_per_value(values, width) -> None:
    drawn = sparkline(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= {*BARS, " "}
    shown = values[-width:]
    assert [mark == " " for mark in drawn] == [value is None for value in shown]


def test_the_lines_to_paste_name_the_kubeconfig_and_survive_odd_folders() -> None:
    lines = kubectl_lines(Path("/tmp/with space/kubeconfig"))
    assert all("'/tmp/with space/kubeconfig'" in line for line in lines)
    assert any(line.endswith("get wpa -A -w") for line in lines)
    assert any(line.endswith('kodo_x_queue_backlog?labelSelector=consumer%3Dkodo-x-metric"')
               for line in lines)  # fmt: skip


def test_what_is_shortened_is_said() -> None:
    for part in ("every 3 s (default 15)", "downscale delay 9 s (300)"):
        assert part in shortened()
