"""Logs: structured lines on stderr, JSON or console, keys as zap writes them.

A line that is filtered out by its level costs no formatting. Lines of libraries, which log through
the standard library, come out in the same form.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Encoder = Literal["json", "console"]
Timestamps = Literal["millis", "nanos", "epoch", "rfc3339", "rfc3339nano", "iso8601"]

ENCODERS: Final[tuple[Encoder, ...]] = ("json", "console")
TIMESTAMPS: Final[tuple[Timestamps, ...]] = (
    "millis", "nanos", "epoch", "rfc3339", "rfc3339nano", "iso8601",
)  # fmt: skip
LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

LOST: Final = "Lines of this log could not be written"

Nanoseconds = Callable[[], int]
"""Wall time in nanoseconds since the epoch."""


def configure(
    *,
    level: str = "info",
    encoder: Encoder = "json",
    timestamps: Timestamps = "millis",
    nanoseconds: Nanoseconds,
    stream: TextIO | None = None,
) -> None:
    """Set logging up for the process. `nanoseconds` is the clock: `time.time_ns` in a daemon."""
    number = LEVELS[level.lower()]
    stamp = _stamp(timestamps)

    def add_time(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["ts"] = stamp(nanoseconds())
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_time,
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = _render_json if encoder == "json" else _render_console

    def lost(lines: int) -> str:
        event = add_time(None, "warning", {"event": LOST, "level": "warning", "lines": lines})
        return str(renderer(None, "warning", event))

    out = cast("TextIO", _LossyStream(stream or sys.stderr, lost))
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(number, [*shared, renderer], out)


class _LossyStream:
    """A stream whose failures, such as a full disk, cost lines and nothing else.

    The first line that gets through again is preceded by one that says how many did not.
    """

    def __init__(self, stream: TextIO, notice: Callable[[int], str]) -> None:
        self._stream = stream
        self._notice = notice
        self._lost = 0

    def write(self, text: str) -> int:
        before = f"{self._notice(self._lost)}\n" if self._lost else ""
        try:
            self._stream.write(before + text)
            self._stream.flush()
        except OSError:
            self._lost += 1
        else:
            self._lost = 0
        return len(text)

    def flush(self) -> None:
        """Every write is flushed already."""


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `logger: name`. Made before `configure`, it follows it still."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(logger_name=name)
    return logger


def _stamp(form: Timestamps) -> Callable[[int], Any]:
    def rfc3339(ns: int) -> str:
        return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def rfc3339nano(ns: int) -> str:
        fraction = f"{ns % 1_000_000_000:09d}".rstrip("0")
        return rfc3339(ns)[:-1] + (f".{fraction}" if fraction else "") + "Z"

    def iso8601(ns: int) -> str:
        return rfc3339(ns)[:-1] + f".{ns // 1_000_000 % 1000:03d}Z"

    forms: dict[Timestamps, Callable[[int], Any]] = {
        "millis": lambda ns: ns / 1_000_000,
        "nanos": lambda ns: ns,
        "epoch": lambda ns: ns / 1_000_000_000,
        "rfc3339": rfc3339,
        "rfc3339nano": rfc3339nano,
        "iso8601": iso8601,
    }
    return forms[form]


def _render_json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    line = {
        "level": event.pop("level"),
        "ts": event.pop("ts"),
        "logger": event.pop("logger_name", ""),
        "msg": event.pop("event"),
        **event,
    }
    return msgspec.json.encode(line, enc_hook=str).decode()


def _render_console(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> str:
    """Tab-separated, the rest as JSON, so that one line stays one line."""
    head = [
        str(event.pop("ts")),
        str(event.pop("level")).upper(),
        str(event.pop("logger_name", "-")),
    ]
    head.append(str(event.pop("event")).replace("\n", "\\n"))
    trace = event.pop("exception", None)
    rest = [msgspec.json.encode(event, enc_hook=str).decode()] if event else []
    return "\t".join(head + rest) + (f"\n{trace}" if trace else "")


def _route_standard_library(level: int, processors: list[Processor], out: TextIO) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(_StandardFormatter(processors))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries say little below a warning that operators of ours can act on, and some put whole
    # bodies into their debug lines (python-stack §3.8).
    root.setLevel(max(level, logging.WARNING))


class _StandardFormatter(logging.Formatter):
    """Sends a record of the standard library through our processors."""

    def __init__(self, processors: list[Processor]) -> None:
        super().__init__()
        self._processors = processors

    def format(self, record: logging.LogRecord) -> str:
        method = record.levelname.lower()
        event: Any = {"event": record.getMessage(), "logger_name": record.name}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in self._processors:
            event = processor(None, "error" if method == "critical" else method, event)
        return str(event)
