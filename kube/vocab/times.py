"""Instants, durations and clocks.

Instants are whole milliseconds since the epoch, UTC (`Millis`): exact, cheap to compare, the same
on every replay. Kubernetes stores most times with second precision; `format_rfc3339` truncates as
it does.
"""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

Millis = int
"""Milliseconds since 1970-01-01T00:00:00Z."""

SECOND: Final = 1000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):([0-5]\d|60)(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_EARLIEST: Final = -62_135_596_800_000
_LATEST: Final = 253_402_300_799_999
_GO_UNITS: Final = {
    "h": 3_600_000.0,
    "m": 60_000.0,
    "s": 1000.0,
    "ms": 1.0,
    "us": 1e-3,
    "µs": 1e-3,
    "ns": 1e-6,
}
_GO_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")
_BARE_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST_DURATION: Final = 32
"""Characters; more of them are no time anybody waits for."""


def parse_rfc3339(text: str) -> Millis:
    """Read an RFC 3339 time; digits below the millisecond are dropped.

    Raises ValueError, also for a time that its zone moves out of the years 1 to 9999, since that
    could not be written again.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    millis = (moment - _EPOCH) // timedelta(milliseconds=1) + (second - min(second, 59)) * SECOND
    if match[7]:
        millis += int(match[7][:3].ljust(3, "0"))
    zone = match[8]
    if zone not in "Zz":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * SECOND
        millis += -offset if zone[0] == "+" else offset
    if not _EARLIEST <= millis <= _LATEST:
        raise ValueError(f"{text!r} is not in the years 1 to 9999")
    return millis


def moment_of(text: str | None) -> Millis | None:
    """The time that an object names; None where it names none, or where that cannot be read."""
    try:
        return parse_rfc3339(text) if text else None
    except ValueError:
        return None


def format_rfc3339(millis: Millis) -> str:
    """Second precision, truncated, suffix Z: the form of `metav1.Time`."""
    moment = _EPOCH + timedelta(seconds=millis // SECOND)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def format_micro(millis: Millis) -> str:
    """Microsecond precision, suffix Z: the form of `metav1.MicroTime` (Leases)."""
    moment = _EPOCH + timedelta(milliseconds=millis)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def whole_seconds(millis: Millis) -> Millis:
    """`millis` cut to the precision in which Kubernetes stores it."""
    return millis - millis % SECOND


def parse_duration(text: str) -> int:
    """Milliseconds of a Go duration ("15s", "1m30s", "500ms") or of bare seconds ("15").

    Raises ValueError.
    """
    if _BARE_SECONDS.fullmatch(text) and len(text) <= _LONGEST_DURATION:
        return round(float(text) * SECOND)
    position, total = 0, 0.0
    for part in _GO_PART.finditer(text):
        if part.start() != position:
            break
        total += float(part[1]) * _GO_UNITS[part[2]]
        position = part.end()
    if position == 0 or position != len(text) or position > _LONGEST_DURATION:
        raise ValueError(f"{text[:40]!r} is not a duration such as 15s, 1m30s or 500ms")
    return round(total)


class Clock(Protocol):
    """Where time comes from. Passed in, so that tests and replays own it."""

    def now(self) -> Millis:
        """Wall time in milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Millis:
        """Wall time in milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()


class LoopClock:
    """The running event loop's time, counted from `epoch`: virtual when the loop's time is."""

    def __init__(self, epoch: Millis) -> None:
        self._epoch = epoch

    def now(self) -> Millis:
        """`epoch` plus the loop's time."""
        return self._epoch + round(asyncio.get_running_loop().time() * SECOND)

    def monotonic(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()
