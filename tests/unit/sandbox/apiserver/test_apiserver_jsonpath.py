"""The JSONPath of printer columns."""

from typing import Any

import pytest

from sandbox.apiserver.tables.jsonpath import JsonPathError, find, parse_path

OBJECT: dict[str, Any] = {
    "metadata": {"name": "x", "annotations": {"example.com/note": "n"}},
    "spec": {
        "metrics": [
            {"external": {"highWatermark": "80", "lowWatermark": "20"}},
            {"resource": {"highWatermark": "90"}},
        ],
    },
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "age": 3},
            {"type": "Able", "status": "False", "age": 7},
        ],
        "currentMetrics": [{"external": {"currentValue": "12"}}, {"external": {"currentValue": 5}}],
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".metadata.name", ["x"]),
        ("metadata.name", ["x"]),
        (".metadata.none.deeper", []),
        (".metadata['name']", ["x"]),
        (r".metadata.annotations.example\.com/note", ["n"]),
        (".status.conditions[0].type", ["Ready"]),
        (".status.conditions[-1].type", ["Able"]),
        (".status.conditions[9].type", []),
        (".status.conditions[*].type", ["Ready", "Able"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (".status.conditions[?(@.age>3)].type", ["Able"]),
        (".status.conditions[?(@.age<=3)].type", ["Ready"]),
        (".status.conditions[?(@.none)].type", []),
        (".status.conditions[?(@.age)].type", ["Ready", "Able"]),
        (".spec..highWatermark", ["80", "90"]),
        (".spec..lowWatermark", ["20"]),
        (".spec..none", []),
        # A trailing descent yields a text itself and nothing for a number, as kubectl has it.
        (".status.currentMetrics[*].external.currentValue..", ["12"]),
        (".", [OBJECT]),
    ],
)
def test_path_reaches_what_it_names(path: str, expected: list[Any]):
    assert find(parse_path(path), OBJECT) == expected


@pytest.mark.parametrize("path", ["[", ".a[?(@.b==)]", ".a[?(@.b==word)]", ".a]"])
def test_path_that_cannot_be_read_is_refused(path: str):
    with pytest.raises(JsonPathError):
        parse_path(path)
