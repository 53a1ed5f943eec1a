"""Wall time, and the steps that it makes against the monotonic clock (D40).

Windows and delays are kept as wall times. When somebody sets the machine's clock, or a suspended
machine goes on, these have to move along, or a window would end early or hang.
"""

from typing import Final

from kube.service.logs import get_logger
from kube.vocab.times import SECOND, Clock, Millis

LEAST: Final = 2 * SECOND
"""A smaller difference between two readings is drift, or a clock that is slewed into place."""

_log = get_logger("scaler")


class WatchedClock:
    """A clock whose wall time is watched whenever it is read."""

    def __init__(self, clock: Clock) -> None:
        self.jumps = 0
        """How often the wall time jumped."""
        self.jumped: Millis = 0
        """By how much in total, in whole seconds: forward is positive."""
        self._clock = clock
        self._offset: Millis | None = None

    def now(self) -> Millis:
        """Wall time; a jump since the last call is logged and counted."""
        now = self._clock.now()
        offset = now - round(self._clock.monotonic() * SECOND)
        jump = 0 if self._offset is None else offset - self._offset
        self._offset = offset
        if abs(jump) >= LEAST:
            self.jumps += 1
            # Up to the next second, in which times are stored: no window ends early.
            self.jumped += -(-jump // SECOND) * SECOND
            _log.warning(
                "The clock jumped; windows and delays go on as if it had not",
                seconds=jump / SECOND,
            )
        return now

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._clock.monotonic()
