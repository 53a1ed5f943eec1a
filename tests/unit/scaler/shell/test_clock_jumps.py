"""The wall clock, watched against the monotonic one (D40)."""

import pytest
from structlog.testing import capture_logs

from scaler.shell.clock_jumps import WatchedClock


class Clocks:
    """Both clocks, set by hand: milliseconds and seconds."""

    def __init__(self) -> None:
        self.wall = 1_764_000_000_000
        self.steady = 77.0

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def pass_by(self, seconds: float, jump: float = 0.0) -> None:
        self.wall += round((seconds + jump) * 1000)
        self.steady += seconds


@pytest.mark.parametrize(
    ("jump", "moved"),
    [(600, 600_000), (-600, -600_000), (2.5, 3_000), (-2.5, -2_000), (2.0, 2_000)],
)
def test_a_jump_is_told_once_and_added_up(jump, moved):
    clocks = Clocks()
    watched = WatchedClock(clocks)
    watched.now()
    clocks.pass_by(15, jump)
    with capture_logs() as lines:
        assert watched.now() == clocks.wall
        clocks.pass_by(15)
        watched.now()
    assert [line["seconds"] for line in lines] == [jump]
    assert (watched.jumps, watched.jumped) == (1, moved)
    clocks.pass_by(0.25, -jump)
    watched.now()
    assert watched.jumps == 2
    # What is rounded is rounded towards later.
    assert 0 <= watched.jumped <= 1_000


def test_drift_and_slewing_are_no_jumps():
    clocks = Clocks()
    watched = WatchedClock(clocks)
    for _ in range(1_000):
        clocks.pass_by(0.05, -0.001)
        watched.now()
    assert (watched.jumps, watched.jumped) == (0, 0)
