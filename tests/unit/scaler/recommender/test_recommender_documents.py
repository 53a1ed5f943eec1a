"""The request as it is sent, and every form of reply (wpa-behaviour §18, D16, D17, D34)."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.core.recommender import Advice
from scaler.core.recommender_wire import (
    LARGEST_VALUE,
    LONGEST_TEXT,
    BadReply,
    read_reply,
    request_body,
    unknown_fields,
)
from tests.oracle.worlds import NOW
from tests.unit.scaler.recommender.worlds import recommended_spec, recommender_of

AGE = 120_000


def asked(recommender: dict[str, Any], ready: int = 2, cluster: str = "") -> Any:
    spec = recommended_spec(recommender, minReplicas=2, maxReplicas=20)
    return json.loads(request_body(spec, recommender_of(spec), 3, ready, cluster))


def read(**fields: Any) -> Any:
    return read_reply(json.dumps(fields).encode(), NOW, AGE)


def test_the_whole_request():
    found = asked({"highWatermark": "1500m", "lowWatermark": 1}, cluster="c1")
    assert found == {
        "targetRef": {
            "kind": "Deployment",
            "name": "web",
            "apiVersion": "apps/v1",
            "namespace": "shop",
            "cluster": "c1",
        },
        "constraints": {"minReplicas": 2, "maxReplicas": 20},
        "state": {"currentReplicas": 3, "readyReplicas": 2, "desiredReplicas": 3},
        "targets": [{"type": "cpu", "lowerBound": 1, "upperBound": 1.5}],
        "settings": {"a": "1", "b": "2"},
    }


def test_zeros_are_left_out_but_for_two_counts():
    found = asked({"targetType": "", "settings": {}, "lowWatermark": 0}, ready=0)
    assert found["state"] == {"currentReplicas": 3, "readyReplicas": 0, "desiredReplicas": 3}
    assert found["targets"] == [{}]
    assert "cluster" not in found["targetRef"]
    assert "settings" not in found


@pytest.mark.parametrize("five", [5, "5", 5.0])
def test_integers_in_every_form(five):
    found = read(targetReplicas=five, lowerBoundReplicas="3", upperBoundReplicas=9.0)
    assert found.advice == Advice(5, 3, 9)


def test_absent_bounds_equal_the_target():
    """D34."""
    assert read(targetReplicas=5).advice == Advice(5, 5, 5)
    assert read(targetReplicas=5, lowerBoundReplicas=None).advice == Advice(5, 5, 5)
    assert read(targetReplicas=5, lowerBoundReplicas=0).advice == Advice(5, 0, 5)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "the reply has no targetReplicas: 0 or a positive count is needed"),
        ({"targetReplicas": None}, "the reply has no targetReplicas"),
        ({"targetReplicas": -1}, "the reply has targetReplicas -1: 0 or a positive count"),
        ({"targetReplicas": "-1"}, "the reply has targetReplicas -1"),
        ({"targetReplicas": 2.5}, "targetReplicas: '2.5' is not an integer"),
        ({"targetReplicas": "many"}, "targetReplicas: 'many' is not an integer"),
        ({"targetReplicas": "٣"}, "is not an integer"),
        ({"targetReplicas": 2**31}, "is beyond the largest replica count, 2147483647"),
        ({"targetReplicas": True}, "error unmarshaling response: "),
        ({"targetReplicas": [5]}, "error unmarshaling response: "),
        ({"targetReplicas": 5, "upperBoundReplicas": "x"}, "upperBoundReplicas: 'x'"),
        ({"targetReplicas": 5, "lowerBoundReplicas": -(2**31) - 1}, "lowerBoundReplicas: -2147"),
        ({"targetReplicas": 5, "timestamp": "noon"}, "timestamp: 'noon' is not an RFC 3339 time"),
        ({"targetReplicas": 5, "observedTargets": [{"targetValue": "x"}]}, "unmarshaling response"),
        ({"error": {"code": 7, "message": "no data"}}, "error from recommender: 7 no data"),
        ({"error": {}, "targetReplicas": 5}, "error from recommender: 0 "),
    ],
)
def test_a_reply_that_cannot_be_acted_on(fields, text):
    with pytest.raises(BadReply) as caught:
        read(**fields)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"<html>", b'{"targetReplicas": NaN}', b'{"reason": "\xff"}',
     b'{"x":' + b"[" * 100_000, b'{"targetReplicas": 1' + b"0" * 400 + b"}"],
)  # fmt: skip
def test_a_reply_that_is_no_document(body):
    with pytest.raises(BadReply):
        read_reply(body, NOW, AGE)


def test_null_is_absent():
    found = read(error=None, targetReplicas=5, reason=None, observedTargets=[None], timestamp=None)
    assert (found.state, found.value, found.at) == ("ok", 0, NOW)


@pytest.mark.parametrize(
    ("shown", "milli"),
    [(72.5, 72_500), ("0.0019", 1), (-0.0019, -1), (0.57, 570), (1.001, 1001), (None, 0),
     ("1e400", LARGEST_VALUE), (-1e300, -LARGEST_VALUE), ("1e-99999999", 0)],
)  # fmt: skip
def test_the_shown_value_in_thousandths(shown, milli):
    targets = [{"targetValue": shown}, {"targetValue": 5}]
    assert read(targetReplicas=5, observedTargets=targets).value == milli


@pytest.mark.parametrize(("shown", "state"), [("NaN", "nan"), ("Infinity", "infinite")])
def test_a_value_that_is_none(shown, state):
    """D17."""
    found = read(targetReplicas=5, observedTargets=[{"targetValue": shown}])
    assert (found.state, found.good) == (state, False)


@pytest.mark.parametrize(
    ("timestamp", "state"),
    [
        ("2027-01-15T08:00:00Z", "ok"),
        ("2027-01-15T07:58:00Z", "ok"),  # exactly the maximum age
        ("2027-01-15T07:57:59.999999999Z", "stale"),
        ("2027-01-15T09:57:59+02:00", "stale"),
        ("2027-01-15T08:02:00Z", "ok"),
        ("2027-01-15T08:02:00.001Z", "stale"),
    ],
)
def test_the_age_of_a_recommendation(timestamp, state):
    """D16, D39."""
    found = read(targetReplicas=5, timestamp=timestamp)
    assert found.state == state
    if state == "stale":
        assert "the maximum" in found.detail
        assert "120 s" in found.detail


def test_long_words_are_cut():
    assert read(targetReplicas=5, reason="r" * 5000).advice.reason == "r" * LONGEST_TEXT
    with pytest.raises(BadReply) as caught:
        read(error={"code": 1, "message": "m" * 5000})
    assert len(str(caught.value)) < 400


def test_unknown_fields_are_ignored_and_named():
    """D34."""
    document = {
        "targetReplicas": 5,
        "confidence": 1,
        "error": None,
        "observedTargets": [{"targetValue": 1, "unit": "s"}, {"window": 2}],
    }
    body = json.dumps(document).encode()
    assert read_reply(body, NOW, AGE).good
    assert unknown_fields(body) == ("confidence", "observedTargets.unit", "observedTargets.window")


def test_no_more_unknown_fields_are_named_than_a_log_line_holds():
    body = json.dumps({f"{number:02}" + "x" * 100: 1 for number in range(50)}).encode()
    names = unknown_fields(body)
    assert len(names) == 10
    assert all(len(name) == 64 for name in names)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["error", "timestamp", "targetReplicas", "lowerBoundReplicas", "upperBoundReplicas",
             "observedTargets", "reason", "other"]
        ),
        junk,
    ),
    st.binary(max_size=3),
)  # fmt: skip
def test_no_reply_raises_anything_else(document, tail):
    body = json.dumps(document).encode() + tail
    unknown_fields(body)
    found = None
    with suppress(BadReply):
        found = read_reply(body, NOW, AGE)
    assert found is None or found.good == (found.advice is not None)
