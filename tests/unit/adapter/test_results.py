"""Decimal text to thousandths, against exact fractions."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.core.documents import value_list
from adapter.core.results import MAX_MILLI, Sample, UpstreamError, milli_of, read_answer
from kube.vocab.quantity import parse_milli

decimals = st.from_regex(
    r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?", fullmatch=True
)


def exact(text: str) -> tuple[int, bool]:
    """Ties away from zero, saturated: the definition, in fractions."""
    scaled = (
        Fraction(
            text.rstrip(".")
            if "e" not in text.lower()
            else text.replace(".e", "e").replace(".E", "E")
        )
        * 1000
    )
    whole = int(abs(scaled) + Fraction(1, 2))
    bounded = min(whole, MAX_MILLI)
    return (-bounded if scaled < 0 else bounded), whole > MAX_MILLI


@given(decimals.filter(str.isascii))
def test_conversion_is_exact(text):
    assert milli_of(text) == exact(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_as_prometheus_writes_it(value):
    text = repr(value)
    assert milli_of(text) == exact(text)


@given(st.integers(-MAX_MILLI, MAX_MILLI))
def test_quantities_read_back_as_the_same_number(milli):
    body = msgspec.json.decode(value_list("m", (Sample({}, 0, milli),)))
    assert parse_milli(body["items"][0]["value"]) == milli


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("1.005", 1005),
        ("0.0005", 1),
        ("-0.0005", -1),
        ("0.00049999999", 0),
        ("-0", 0),
        ("1e-400", 0),
        ("0e999999999", 0),
        ("9223372036854775.807", MAX_MILLI),
        ("9223372036854775.8074", MAX_MILLI),
        ("-9223372036854775.8074", -MAX_MILLI),
    ],
)
def test_edges(text, milli):
    assert milli_of(text) == (milli, False)


@pytest.mark.parametrize("text", ["1e999999999", "9223372036854775.808", "1" * 30])
def test_saturation(text):
    assert milli_of(text) == (MAX_MILLI, True)
    assert milli_of(f"-{text}") == (-MAX_MILLI, True)


@pytest.mark.parametrize(
    "text", ["", "x", "1_000", "0x1", "\u0661", "1e", "1e1e1", " 1", "--1", "9" * 500]
)
def test_what_is_no_decimal(text):
    with pytest.raises(ValueError, match="is not a decimal number"):
        milli_of(text)


@given(st.binary(max_size=200))
def test_any_body_is_an_answer_or_an_upstream_error(body):
    try:
        read_answer(body, 10)
    except UpstreamError as error:
        kind = error.kind
    else:
        return
    assert kind in ("bad response", "query rejected", "too large")


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("abc"), st.text(max_size=3)),
            st.sampled_from(["1", "2.5", "NaN", "+Inf"]),
        ),
        max_size=5,
    )
)
def test_order_is_kept_duplicates_are_refused_the_rest_is_counted(series):
    result = [{"metric": labels, "value": [1.5, value]} for labels, value in series]
    body = msgspec.json.encode(
        {"status": "success", "data": {"resultType": "vector", "result": result}}
    )
    unique = len({frozenset(labels.items()) for labels, _ in series})
    if unique != len(series):
        with pytest.raises(UpstreamError, match="same labels"):
            read_answer(body, 10)
        return
    answer = read_answer(body, 10)
    finite = [labels for labels, value in series if value[-1].isdigit()]
    assert [sample.labels for sample in answer.samples] == finite
    assert answer.dropped == len(series) - len(finite)
    assert bool(answer.absence) == (not finite)
