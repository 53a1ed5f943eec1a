"""The trajectory that `--report` writes."""

import os
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from kube.vocab.times import SECOND, Millis
from sandbox.demo.observation import Observation, above_since

PrometheusKind = Literal["real", "stand-in"]


class ReportError(ValueError):
    """A report that cannot be read or written; the text names the file."""


class Sample(Struct, frozen=True, kw_only=True):
    """An autoscaler in one cycle; `t` is seconds since the script began."""

    t: float
    value: float | None
    replicas: int
    ready: int
    decision: str
    reason: str


class Move(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"before": "from", "after": "to", "out_since": "outSince"},
):
    """A change of `spec.replicas`. `out_since` is when the value left the band upwards."""

    t: float
    before: int
    after: int
    out_since: float | None = None


class PhaseSpan(Struct, frozen=True):
    """A phase of the script, in seconds since its beginning."""

    name: str
    start: float
    end: float


class Marks(Struct, frozen=True):
    """Watermarks per replica."""

    low: float
    high: float


class Report(Struct, kw_only=True, rename="camel"):
    """Everything a demo saw. `cycles` counts evaluation periods, each with one sample."""

    cycles: int = 0
    prometheus: PrometheusKind
    period: float
    upscale_delay: float
    seconds: float = 0.0
    phases: list[PhaseSpan] = []
    marks: dict[str, Marks] = {}
    autoscalers: dict[str, list[Sample]] = {}
    moves: dict[str, list[Move]] = {}


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Report)


class Recorder:
    """Builds a report from observations; `started` is the script's beginning."""

    def __init__(self, report: Report, started: Millis) -> None:
        self.report = report
        self._started = started
        self._last: dict[str, Observation] = {}

    def notice(self, seen: list[Observation], now: Millis) -> None:
        """Look for moves; call it more often than once per cycle."""
        for observation in seen:
            before = self._last.get(observation.key)
            self._last[observation.key] = observation
            moves = self.report.moves.setdefault(observation.key, [])
            if before is None or before.replicas == observation.replicas:
                continue
            fresh = observation.last_scale != before.last_scale
            at = observation.last_scale if fresh and observation.last_scale else now
            since = above_since(observation) or above_since(before)
            moves.append(
                Move(
                    t=self._seconds(at),
                    before=before.replicas,
                    after=observation.replicas,
                    out_since=None if since is None else self._seconds(since),
                )
            )

    def cycle(self, seen: list[Observation], now: Millis) -> None:
        """Add one sample of each autoscaler."""
        self.report.cycles += 1
        self.report.seconds = self._seconds(now)
        for observation in seen:
            key = observation.key
            self.report.marks[key] = Marks(observation.low, observation.high)
            self.report.autoscalers.setdefault(key, []).append(
                Sample(
                    t=self._seconds(now),
                    value=observation.value,
                    replicas=observation.replicas,
                    ready=observation.ready,
                    decision=observation.decision,
                    reason=observation.reason,
                )
            )

    def _seconds(self, moment: Millis) -> float:
        return round((moment - self._started) / SECOND, 3)


def write_report(path: Path, report: Report) -> None:
    """Write the file as a whole or not at all. Raises ReportError."""
    text = msgspec.json.format(_ENCODER.encode(report), indent=1)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(text + b"\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ReportError(f"{path}: cannot be written: {error.strerror or error}") from error


def read_report(path: Path) -> Report:
    """Read a file of `write_report`. Raises ReportError."""
    try:
        return _DECODER.decode(path.read_bytes())
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise ReportError(f"{path}: not a report of the demo: {error}") from error
