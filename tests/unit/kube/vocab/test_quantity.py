"""Quantities are exact and print as the API server prints them."""

from decimal import ROUND_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube.vocab.quantity import Quantity, QuantityError, format_milli, parse_milli

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"), ("-0", "0"), ("0Ki", "0"), ("1", "1"), ("0.1", "100m"), ("0.5", "500m"),
        ("0.001", "1m"), ("1.5", "1500m"), ("-5.5", "-5500m"), ("42", "42"),
        ("1234.568", "1234568m"), ("1000", "1k"), ("-1000", "-1k"), ("1500", "1500"),
        ("10000", "10k"), ("120000", "120k"), ("1024", "1024"), ("1048576", "1048576"),
        ("1000000", "1M"), ("2500000000", "2500M"), ("1000000000000000", "1P"),
        ("9200000000000000", "9200T"), ("+1", "1"), ("1.", "1"), (".5", "500m"), ("007", "7"),
        ("1e3", "1e3"), ("1E3", "1e3"), ("15e2", "1500"), ("5e-1", "500e-3"), ("1e0", "1"),
        ("1E", "1E"), ("1000E", "1000E"), ("1n", "1n"), ("1500u", "1500u"), ("1000u", "1m"),
        ("1Ki", "1Ki"), ("1024Ki", "1Mi"), ("1.5Ki", "1536"), ("0.5Ki", "512"),
        ("1000Ki", "1000Ki"),
        ("-1Ki", "-1Ki"), ("0.1Ki", "102400m"), ("1024Ei", "1024Ei"), ("50Mi", "50Mi"),
        ("300Mi", "300Mi"), ("900k", "900k"), ("400m", "400m"),
        ("1e-10", "1e-9"), ("0.0000000001", "1n"), ("-0.0000000001", "-1n"),
    ],
)  # fmt: skip
def test_canonical_text(text, canonical):
    assert str(Quantity.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("0.0001", 1), ("0.01", 10), ("-0.5", -500), ("-1n", -1), ("1n", 1), ("1500u", 2),
        ("0.3", 300), ("33959m", 33959), ("1Ki", 1_024_000), ("9Pi", 9 * 2**50 * 1000),
        ("10P", 10**19), ("1E", 10**21), ("9223372036854775807", 9223372036854775807000),
    ],
)  # fmt: skip
def test_milli_rounds_away_from_zero_and_never_wraps(text, milli):
    assert parse_milli(text) == milli


def test_whole_numbers_are_quantities():
    assert parse_milli(5) == 5000
    assert str(Quantity.parse(-12_000)) == "-12k"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 ", " 1", "1K", "NaN", "Inf", "-Inf", "inf", "abc", "10%", "1_000", ".", "-",
        "+", "1e", "1e+", "e3", "1.2.3", "1,5", "0x10", "1mm", "1ki", "1KI", "--1", "+-1", "\u0661",
        "1e1.5", "1i", "Ki", "1 Ki", "1e3k", "\n1", "1\n", "9" * 200,
    ],
)  # fmt: skip
def test_what_is_no_quantity(text):
    with pytest.raises(QuantityError, match="is not a quantity"):
        Quantity.parse(text)


@pytest.mark.parametrize("value", [0.01, float("nan"), True, None, [1]])
def test_values_of_other_types_are_refused(value):
    with pytest.raises(QuantityError, match="is not a quantity"):
        Quantity.parse(value)


@pytest.mark.parametrize(
    ("milli", "text"),
    [(1500, "1500m"), (9_000_000, "9k"), (0, "0"), (-5500, "-5500m"), (1000, "1"), (10**21, "1E")],
)
def test_format_milli(milli, text):
    assert format_milli(milli) == text


_numbers = st.from_regex(r"[+-]?([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12})", fullmatch=True)


@settings(max_examples=400)
@given(number=_numbers, suffix=st.sampled_from([*_DECIMAL, *_BINARY, "e3", "E-7", "e+12", "e-15"]))
def test_value_against_decimal_arithmetic(number, suffix):
    with localcontext() as context:
        context.prec = 80
        value = Decimal(number)
        if suffix in _BINARY:
            value *= 1024 ** _BINARY[suffix]
        elif suffix in _DECIMAL:
            value = value.scaleb(_DECIMAL[suffix])
        else:
            value = value.scaleb(int(suffix[1:]))
        nano = value.scaleb(9).to_integral_value(ROUND_UP)
        milli = value.scaleb(3).to_integral_value(ROUND_UP)
    quantity = Quantity.parse(number + suffix)
    assert quantity.nano == int(nano)
    # Rounding twice, first to nano, is what the API server does; away from zero it is the same.
    assert quantity.milli == int(milli)


@settings(max_examples=400)
@given(
    nano=st.integers(-(10**30), 10**30), family=st.sampled_from(["DecimalSI", "DecimalExponent"])
)
def test_canonical_text_is_exact_and_has_no_point(nano, family):
    text = str(Quantity(nano, family))
    assert "." not in text
    assert Quantity.parse(text).nano == nano
    assert str(Quantity.parse(text)) == text


@settings(max_examples=300)
@given(units=st.integers(-(2**90), 2**90), shift=st.integers(0, 70))
def test_binary_text_is_exact(units, shift):
    nano = (units << shift) * 10**9
    assert Quantity.parse(str(Quantity(nano, "BinarySI"))).nano == nano


@settings(max_examples=200)
@given(first=_numbers, second=_numbers)
def test_order_is_kept(first, second):
    if Fraction(first) <= Fraction(second):
        assert Quantity.parse(first).nano <= Quantity.parse(second).nano
        assert parse_milli(first) <= parse_milli(second)


@settings(max_examples=400)
@given(text=st.text(alphabet="0123456789+-.eEnumkMGTPi KN%", max_size=12))
def test_anything_else_is_a_quantity_error(text):
    try:
        quantity = Quantity.parse(text)
    except QuantityError:
        return
    assert Quantity.parse(str(quantity)).nano == quantity.nano
