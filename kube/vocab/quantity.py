"""Kubernetes quantities, exactly.

A quantity is held as a whole number of nano-units together with the family its text came from,
because the canonical text depends on it ("1Ki" stays binary, "1e3" stays an exponent). Nothing here
ever touches a float.
Sources: external-metrics-api §5, wpa-behaviour §3.
"""

import re
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

Family = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

NANO_DIGITS: Final = 9
_NANO: Final = 10**NANO_DIGITS
_NANO_PER_MILLI: Final = 10**6

_DECIMAL: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX: Final = {power: suffix for suffix, power in _BINARY.items()}

# Larger exponents say nothing more (every count saturates long before) and would only cost memory.
_MAX_EXPONENT: Final = 60
_MAX_LENGTH: Final = 128

_GRAMMAR: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]*))?|\.(?P<bare>[0-9]+))"
    r"(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+|)",
    re.ASCII,
)


class QuantityError(ValueError):
    """The text is not a Kubernetes quantity."""


class Quantity(Struct, frozen=True, gc=False):
    """An exact amount: `nano` thousand-millionths of the unit, written in `family`."""

    nano: int
    family: Family = "DecimalSI"

    @classmethod
    def parse(cls, value: str | int) -> "Quantity":
        """Read `value` as the API server does: what is finer than nano is rounded away from zero.

        Raises QuantityError for anything else (floats, NaN, blanks, "10%", "1_000").
        """
        if isinstance(value, bool):
            raise QuantityError(f"{value!r} is not a quantity")
        if isinstance(value, int):
            return cls(value * _NANO)
        if isinstance(value, str):
            return _parse_text(value)
        raise QuantityError(f'{value!r} is not a quantity: write it as text, for example "{value}"')

    @classmethod
    def of_milli(cls, milli: int) -> "Quantity":
        """The quantity of `milli` thousandths."""
        return cls(milli * _NANO_PER_MILLI)

    @property
    def milli(self) -> int:
        """Thousandths, rounded away from zero (wpa-behaviour §3)."""
        return _away_from_zero(self.nano, _NANO_PER_MILLI)

    def __str__(self) -> str:
        """Canonical text (external-metrics-api §5.2)."""
        if self.nano == 0:
            return "0"
        if self.family == "BinarySI" and abs(self.nano) >= 1024 * _NANO and self.nano % _NANO == 0:
            return _binary_text(self.nano // _NANO)
        mantissa, power = self.nano, -NANO_DIGITS
        while mantissa % 1000 == 0 and power < 18:
            mantissa //= 1000
            power += 3
        if self.family == "DecimalExponent":
            return f"{mantissa}e{power}" if power else str(mantissa)
        return f"{mantissa}{_DECIMAL_SUFFIX[power]}"


def parse_milli(value: str | int) -> int:
    """Thousandths of a quantity, rounded away from zero. Raises QuantityError."""
    return Quantity.parse(value).milli


def format_milli(milli: int) -> str:
    """Canonical decimal text of `milli` thousandths: 1500 is "1500m", 9_000_000 is "9k"."""
    return str(Quantity.of_milli(milli))


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> Quantity:
    match = _GRAMMAR.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        raise QuantityError(
            f"{text[:40]!r} is not a quantity: write digits with an optional suffix, "
            'such as "250m", "1.5", "10k" or "64Mi"'
        )
    whole = match["whole"] or ""
    part = match["part"] or match["bare"] or ""
    digits = int(whole + part)
    if match["sign"] == "-":
        digits = -digits
    suffix = match["suffix"]
    if suffix in _BINARY:
        numerator = (digits << _BINARY[suffix]) * _NANO
        return Quantity(_away_from_zero(numerator, 10 ** len(part)), "BinarySI")
    family: Family = "DecimalSI"
    if suffix in _DECIMAL:
        power = _DECIMAL[suffix]
    else:
        family = "DecimalExponent"
        power = max(-_MAX_EXPONENT, min(int(suffix[1:]), _MAX_EXPONENT))
    shift = NANO_DIGITS + power - len(part)
    if shift >= 0:
        return Quantity(digits * 10**shift, family)
    return Quantity(_away_from_zero(digits, 10**-shift), family)


def _away_from_zero(numerator: int, denominator: int) -> int:
    if numerator >= 0:
        return -(-numerator // denominator)
    return numerator // denominator


def _binary_text(units: int) -> str:
    power = 0
    while units % 1024 == 0 and power < 60:
        units //= 1024
        power += 10
    return f"{units}{_BINARY_SUFFIX.get(power, '')}"
