"""Annotation wpa.datadoghq.com/logs-attributes: extra keys of an object's lines (W-G14, U39)."""

import pytest

from scaler.core.log_attributes import LOGS_ATTRIBUTES, constant_keys, read_attributes


def attributes(text: str):
    return read_attributes({LOGS_ATTRIBUTES: text})


@pytest.mark.parametrize("annotations", [None, {}, {LOGS_ATTRIBUTES: ""}, {"other": "{"}])
def test_there_need_not_be_any(annotations):
    found = read_attributes(annotations)
    assert (found.values, found.problem) == ({}, "")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"mywpa": "isgreat"}', {"mywpa": "isgreat"}),
        ('{"team": "kodo", "tier": 1, "on": [true, null]}',
         {"team": "kodo", "tier": 1, "on": [True, None]}),
        ("{}", {}),
    ],
)  # fmt: skip
def test_an_object_is_taken_as_it_is(text, values):
    found = attributes(text)
    assert (found.values, found.problem) == (values, "")


@pytest.mark.parametrize("text", ["{", "[]", "7", "null", '{"a": }', "a=b", "\ud800", "[" * 9000])
def test_what_is_no_object_is_ignored_with_a_reason(text):
    found = attributes(text)
    assert found.values == {}
    assert LOGS_ATTRIBUTES in found.problem


def test_lines_stay_readable():
    found = attributes('{"msg": "x", "level": "x", "event": "x", "wpa_name": "x", "team": "kodo"}')
    assert found.values == {"team": "kodo"}
    assert found.problem.endswith("event, level, msg, wpa_name")


def test_the_keys_that_name_the_object():
    assert constant_keys("shop", "web") == {
        "watermarkpodautoscaler": "shop/web",
        "wpa_name": "web",
        "wpa_namespace": "shop",
    }
