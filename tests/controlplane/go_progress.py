"""Turns what `go build -v` prints into a line every few seconds."""

from collections import deque
from collections.abc import Callable
from typing import Final

EVERY: Final = 10.0
"""Seconds between lines."""


class Progress:
    """Counts compiled packages; keeps what else was said for the case of failure."""

    def __init__(
        self, say: Callable[[str], None], monotonic: Callable[[], float], packages: int
    ) -> None:
        self._say = say
        self._monotonic = monotonic
        self._packages = packages
        self._compiled = 0
        self._started = self._said = monotonic()
        self._others: deque[str] = deque(maxlen=40)

    def line(self, line: str) -> None:
        """One line of Go's: the path of a package it begins to compile, or a message."""
        text = line.rstrip()
        if " " in text or not text or text.endswith(":"):
            self._others.append(text)
            return
        self._compiled += 1
        if self._monotonic() - self._said >= EVERY:
            self._said = self._monotonic()
            self._say(f"{self._compiled} of up to {self._packages} packages, {self._elapsed()}")

    def complaints(self) -> str:
        """The last messages that were not about progress."""
        return "\n".join(self._others)

    def done(self) -> None:
        """Say how long it took."""
        self._say(f"built in {self._elapsed()}")

    def _elapsed(self) -> str:
        minutes, seconds = divmod(round(self._monotonic() - self._started), 60)
        return f"{minutes} min {seconds:02d} s"
