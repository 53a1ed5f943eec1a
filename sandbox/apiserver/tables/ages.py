"""How kubectl writes ages: two units at most, fewer as they grow."""

from typing import Any, Final

from kube.vocab.times import SECOND, Millis, parse_rfc3339

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY

_STEPS: Final = (
    # below this many seconds: written as these two units
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)


def human_duration(seconds: int) -> str:
    """Such as "45s", "3m5s", "7h12m", "3d". A little in the future is "0s", more is invalid."""
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for limit, large, large_name, small, small_name in _STEPS:
        if seconds < limit:
            text = f"{seconds // large}{large_name}"
            rest = seconds % large // small if small else 0
            return f"{text}{rest}{small_name}" if rest else text
    return f"{seconds // _YEAR}y"


def age(text: Any, now: Millis) -> str:
    """The age of an RFC 3339 time."""
    if not isinstance(text, str):
        return "<unknown>"
    try:
        then = parse_rfc3339(text)
    except ValueError:
        return "<invalid>"
    return human_duration((now - then) // SECOND)
