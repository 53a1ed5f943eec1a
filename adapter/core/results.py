"""A Prometheus answer as exact samples.

Values arrive as decimal text and stay decimal: no binary float ever touches them.
Sources: external-metrics-api §5.5 (E-9 to E-12), §17.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from kube.vocab.objects import UNREADABLE

MAX_MILLI: Final = 2**63 - 1
"""Consumers count thousandths in 64 bits and wrap silently: values saturate here (E-10)."""

Failure = Literal[
    "timeout",
    "unavailable",
    "query rejected",
    "bad response",
    "too large",
    "no series",
    "not a number",
    "several series",
    "partial answer",
]
"""Why there is no value (E-13); the last four are answers that a rule refuses."""

Absence = Literal["", "empty", "nan", "inf", "undated"]
"""Why a list has no items; empty text when it has some."""

_DECIMAL: Final = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?", re.ASCII
)
_NON_FINITE: Final[dict[str, Absence]] = {
    "nan": "nan", "+inf": "inf", "-inf": "inf", "inf": "inf",
}  # fmt: skip
_MAX_LENGTH: Final = 400
END_OF_TIME: Final = 253_402_300_800
"""Seconds at which the year 10000 begins, which no timestamp can express."""
_EXACT: Final = Context(prec=2 * _MAX_LENGTH, rounding=ROUND_HALF_UP)


class UpstreamError(Exception):
    """Prometheus gave no usable answer. `kind` may be shown to callers, `detail` only logged."""

    def __init__(self, kind: Failure, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: Failure = kind
        self.detail = detail


class Sample(Struct, frozen=True, gc=False):
    """One series' value: labels, instant in epoch milliseconds, thousandths."""

    labels: dict[str, str]
    at: int
    milli: int


class LeftOut(Struct, frozen=True, gc=False):
    """A series whose value is not finite (E-11), or whose time is asked for and unknown (E-8)."""

    labels: dict[str, str]
    why: Absence


class Answer(Struct, frozen=True):
    """The samples of one query and what had to be left out or bent."""

    samples: tuple[Sample, ...]
    left_out: tuple[LeftOut, ...] = ()
    """Series that were NaN, infinite or native histograms, or had no time of their own."""
    warnings: int = 0

    @property
    def absence(self) -> Absence:
        """Why there are no samples; empty text when there are some."""
        if self.samples:
            return ""
        return self.left_out[-1].why if self.left_out else "empty"

    @property
    def dropped(self) -> int:
        """How many series were left out."""
        return len(self.left_out)

    @property
    def saturated(self) -> int:
        """How many samples lie beyond the range that consumers can count.

        No binary float is written as the very end of that range, so that what stands there was
        bent to it.
        """
        return sum(abs(sample.milli) == MAX_MILLI for sample in self.samples)


class _Series(Struct, frozen=True, gc=False):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    histogram: Any = None


class _Data(Struct, frozen=True, rename="camel", gc=False):
    result_type: str = ""
    result: msgspec.Raw = msgspec.Raw()


class _Envelope(Struct, frozen=True, rename="camel", gc=False):
    status: str = ""
    data: _Data | None = None
    error_type: str = ""
    error: str = ""
    warnings: list[str] | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_VECTOR: Final = msgspec.json.Decoder(list[_Series])
_SCALAR: Final = msgspec.json.Decoder(tuple[float, str])


def read_answer(body: bytes, max_series: int) -> Answer:
    """The samples in `body`, the document of a successful instant query. Raises UpstreamError."""
    try:
        envelope = _ENVELOPE.decode(body)
        if envelope.status == "error":
            raise UpstreamError("query rejected", _explained(envelope))
        if envelope.status != "success" or envelope.data is None:
            raise UpstreamError("bad response", "neither a result nor an error")
        series = _series(envelope.data)
    except UNREADABLE as error:
        raise UpstreamError("bad response", f"not the JSON of a query result: {error}") from error
    if len(series) > max_series:
        raise UpstreamError("too large", f"{len(series)} series, at most {max_series} are served")
    return _answer(series, len(envelope.warnings or ()))


def rejection(body: bytes) -> str:
    """What Prometheus says about a query it rejects; for the log."""
    try:
        envelope = _ENVELOPE.decode(body)
    except UNREADABLE:
        return "no explanation"
    return _explained(envelope)


def _explained(envelope: _Envelope) -> str:
    return f"{envelope.error_type}: {envelope.error}"[:300]


def milli_of(text: str) -> tuple[int, bool]:
    """Thousandths of decimal text, ties away from zero, and whether they saturated.

    Raises ValueError for anything that is not a decimal number.
    """
    if text.isdigit() and len(text) < 16 and text.isascii():
        return int(text) * 1000, False
    if len(text) > _MAX_LENGTH or not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a decimal number")
    number = Decimal(text)
    if not number or number.adjusted() < -18:
        return 0, False
    if number.adjusted() > 18:
        return (-MAX_MILLI if number.is_signed() else MAX_MILLI), True
    milli = int(number.scaleb(3, _EXACT).to_integral_value(ROUND_HALF_UP, _EXACT))
    if abs(milli) > MAX_MILLI:
        return (-MAX_MILLI if milli < 0 else MAX_MILLI), True
    return milli, False


def _series(data: _Data) -> list[_Series]:
    match data.result_type:
        case "vector":
            return _VECTOR.decode(data.result)
        case "scalar":
            return [_Series({}, _SCALAR.decode(data.result))]
        case other:
            raise UpstreamError("bad response", f"result type {other[:40]!r} cannot be served")


def _answer(series: list[_Series], warnings: int) -> Answer:
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    for one in series:
        # A native histogram has no single value: as good as NaN.
        at, text = one.value or (0.0, "NaN")
        if one.value is None and one.histogram is None:
            raise UpstreamError("bad response", "a series has neither value nor histogram")
        lowered = text.lower()
        if lowered in _NON_FINITE:
            left_out.append(LeftOut(one.metric, _NON_FINITE[lowered]))
            continue
        try:
            milli, _ = milli_of(text)
        except ValueError as error:
            raise UpstreamError("bad response", str(error)) from error
        if not 0 <= at < END_OF_TIME:
            raise UpstreamError("bad response", f"{at} is not a timestamp")
        samples.append(Sample(one.metric, round(at * 1000), milli))
    _refuse_duplicates(series)
    return Answer(tuple(samples), tuple(left_out), warnings)


def _refuse_duplicates(series: list[_Series]) -> None:
    """Consumers add up all items, so a label set that comes twice would count twice (§17)."""
    # Equal label sets have equal sets of values, which are much cheaper to compare.
    if len({frozenset(one.metric.values()) for one in series}) == len(series):
        return
    if len({frozenset(one.metric.items()) for one in series}) != len(series):
        raise UpstreamError("bad response", "two series have the same labels")
