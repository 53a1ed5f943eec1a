"""What autoscalers make of a list of values, restated: HPA and WatermarkPodAutoscaler.

Source: external-metrics-api §5.4 (how text becomes a number), §11 (what becomes of the number).
"""

import json
from decimal import ROUND_UP, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

from msgspec import Struct

from tests.integration.adapter.kit.server import Answer

_SUFFIXES = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip


class NoMetricsError(Exception):
    """The autoscaler has no number, and leaves things as they are."""


def wrapped(number: int) -> int:
    """As Go's int64 holds it."""
    return (number + 2**63) % 2**64 - 2**63


def milli_value(text: str) -> int:
    """`MilliValue()` of a decimal quantity: thousandths, away from zero, wrapped silently."""
    digits = text.rstrip("numkMGTPE")
    exact = Decimal(digits).scaleb(_SUFFIXES[text[len(digits) :]] + 3)
    return wrapped(int(exact.to_integral_value(ROUND_UP)))


def fetched(answer: Answer) -> list[int]:
    """Thousandths of all items, as client-go hands them over. Raises NoMetricsError."""
    if answer.status != 200:
        raise NoMetricsError(json.loads(answer.body)["message"])
    items: list[Any] = json.loads(answer.body)["items"]
    if not items:
        raise NoMetricsError("no metrics returned from external metrics API")
    return [milli_value(item["value"]) for item in items]


class Target(Struct, frozen=True):
    """A target of an HPA, in thousandths, and its bounds."""

    milli: int
    average: bool = False
    least: int = 1
    most: int = 100


def hpa(answer: Answer, target: Target, replicas: int) -> int:
    """The count an HPA sets, all pods being ready. An error leaves the count."""
    try:
        total = wrapped(sum(fetched(answer)))
    except NoMetricsError:
        return replicas
    base = target.milli * (replicas if target.average else 1)
    ratio = Fraction(total, base)
    if abs(1 - ratio) <= Fraction(1, 10):
        return replicas
    wanted = ceil(Fraction(total, target.milli)) if target.average else ceil(ratio * replicas)
    return max(target.least, min(wanted, target.most))


class Watermarks(Struct, frozen=True):
    """What a WatermarkPodAutoscaler holds the mean per replica between, in thousandths."""

    low: int
    high: int
    least: int = 1
    most: int = 100


def wpa(answer: Answer, marks: Watermarks, replicas: int) -> int:
    """The count a WatermarkPodAutoscaler sets by the `average` algorithm without tolerance."""
    try:
        total = wrapped(sum(fetched(answer)))
    except NoMetricsError:
        return replicas
    if total == 0:
        return replicas
    usage, wanted = Fraction(total, replicas), replicas
    if usage > marks.high:
        wanted = ceil(replicas * usage / marks.high)
    elif usage < marks.low:
        wanted = max(1, floor(replicas * usage / marks.low))
    return max(marks.least, min(wanted, marks.most))
