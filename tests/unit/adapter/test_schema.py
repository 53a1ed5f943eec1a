"""The JSON schema agrees with what the file's reader takes and refuses."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from adapter.core.configuration import read_configuration
from adapter.core.problems import ConfigurationError
from adapter.core.schema import configuration_schema
from tests.unit.adapter.test_check_config import FULL

ROOT = Path(__file__).parents[3]
SCHEMA = configuration_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
MANIFESTS = [
    path for path in (ROOT / "manifests").rglob("*.yaml") if "\nexternalRules:" in path.read_text()
]
BLOCKS = [
    block
    for page in (ROOT / "docs").glob("*.md")
    for block in re.findall(r"(?:^    .*\n|^\n)+", page.read_text(), re.MULTILINE)
    if re.search(r"^    externalRules:", block, re.MULTILINE)
]


def accepted(text: str) -> bool:
    return not list(VALIDATOR.iter_errors(yaml.safe_load(text)))


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_there_are_examples():
    assert len(MANIFESTS) >= 2
    assert BLOCKS


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_rule_files_are_accepted(path):
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []
    assert accepted(FULL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_examples_of_the_docs_are_accepted_and_can_be_served(block):
    text = "\n".join(line[4:] for line in block.splitlines())
    assert accepted(text)
    read_configuration(text, "example")


RULE = "externalRules: [{seriesQuery: m, metricsQuery: m, "


@pytest.mark.parametrize(
    "text",
    [
        "externalRule: []",
        "externalRules: {}",
        "externalRules: [{seriesQuery: m}]",
        "externalRules: [{metricsQuery: m}]",
        RULE + "seriesFilters: [{}]}]",
        RULE + "seriesFilters: [{is: a, isNot: b}]}]",
        RULE + "resources: {overrides: {a: {}}}}]",
        RULE + "name: {az: b}}]",
        RULE + "maxSeries: 0}]",
        RULE + "onError: 3}]",
        RULE + "onEmpty: nought}]",
        RULE + "labelKeys: drop}]",
        RULE + "params: {a: {labels: b}}}]",
        RULE + "timeout: [1]}]",
        "upstreams: {a: {}}",
        "upstreams: {a: {url: 'http://x', maxConcurrent: 0}}",
        "upstreams: {a: {url: 'http://x', basicAuth: {username: a}}}",
        "defaults: {seriesQuery: m}",
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(text):
    assert not accepted(text)
    with pytest.raises(ConfigurationError):
        read_configuration(text, "rules.yaml")


@pytest.mark.parametrize(
    "keys",
    [
        "timeout: 5",
        "timeout: 0.5",
        "timeout: 5s",
        "onError: stale",
        "onError: {value: 3}",
        "onError: {value: 2k}",
        "seriesFilters: [{is: m}]",
        "namespaces: [a]",
        "params: {a: {}}",
    ],
)
def test_what_the_reader_takes_the_schema_accepts(keys):
    text = f"{RULE}{keys}}}]"
    read_configuration(text, "rules.yaml")
    assert accepted(text)


def _described(node: Any) -> bool:
    return "description" in node or "description" in SCHEMA["$defs"].get(
        str(node.get("$ref", "")).rpartition("/")[2], {}
    )


def test_every_key_of_ours_is_described():
    for name in ("RuleOptions", "ExternalRule", "NameMapping", "Parameter"):
        for key, node in SCHEMA["$defs"][name]["properties"].items():
            assert _described(node), f"{name}.{key}"
