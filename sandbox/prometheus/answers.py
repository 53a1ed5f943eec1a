"""Prometheus' JSON answers and the reading of its request parameters."""

import math
from decimal import Decimal
from typing import Any, Final

import msgspec

from kube.vocab.times import SECOND, Millis, parse_rfc3339
from sandbox.prometheus.evaluate import ParseError
from sandbox.prometheus.values import Value

_ENCODER: Final = msgspec.json.Encoder()


def read_time(text: str, now: Millis) -> Millis:
    """The parameter `time`: seconds or RFC 3339; absent means now. Raises ParseError."""
    if not text:
        return now
    try:
        seconds = float(text)
    except ValueError:
        try:
            return parse_rfc3339(text)
        except ValueError as error:
            raise ParseError(
                f'invalid parameter "time": cannot parse {text[:60]!r} to a valid timestamp'
            ) from error
    if not math.isfinite(seconds):
        raise ParseError(f'invalid parameter "time": {text!r} is no time')
    return round(seconds * SECOND)


def success(value: Value, time: Millis) -> bytes:
    """The answer to a query that has a value."""
    moment = time / SECOND
    data: dict[str, Any]
    if isinstance(value, float):
        data = {"resultType": "scalar", "result": [moment, format_value(value)]}
    else:
        result = [{"metric": e.labels, "value": [moment, format_value(e.value)]} for e in value]
        data = {"resultType": "vector", "result": result}
    return _ENCODER.encode({"status": "success", "data": data})


def failure(error_type: str, message: str) -> bytes:
    """The answer to a query without one; "bad_data" and "execution" are Prometheus' types."""
    return _ENCODER.encode({"status": "error", "errorType": error_type, "error": message})


def format_value(value: float) -> str:
    """A sample value as Prometheus writes it: the shortest text that reads back exactly."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    size = abs(value)
    if size and (size < 1e-6 or size >= 1e21):
        return repr(value)
    return format(Decimal(repr(value)), "f").removesuffix(".0")
