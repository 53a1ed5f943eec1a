"""The reference pages keep up with what they describe."""

import re

import pytest
import yaml
from msgspec import convert

from sandbox.apiserver.kinds.schema_validate import validate
from scaler.core.spec import read_spec
from scaler.core.wire import Autoscaler
from tests.unit.manifests.manifest_files import (
    LAYERS,
    ROOT,
    crd_schema,
    crd_version,
    kustomize,
    needs_kubectl,
    nodes,
)

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
COMPATIBILITY = (ROOT / "docs" / "compatibility.md").read_text()
FIELDS = [
    path
    for path, schema in nodes(crd_schema()["properties"]["spec"])
    if "properties" not in schema and "Selector" not in path and not path.endswith("{}")
]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_spec_is_described(field):
    assert re.search(rf"`[^`\s]*\b{field.rpartition('.')[2]}`", CONFIGURATION)


def test_the_example_of_the_reference_is_valid():
    example = re.search(r"```yaml\n(apiVersion: datadoghq.*?)```", CONFIGURATION, re.DOTALL)
    assert example is not None
    obj = yaml.safe_load(example[1])
    assert validate(crd_schema(), obj) == []
    assert read_spec(convert(obj, Autoscaler)).average


def test_every_deviation_is_explained():
    explained = {int(number) for number in re.findall(r"^\*\*D(\d+) ", COMPATIBILITY, re.MULTILINE)}
    assert "**D29 to D32**" in COMPATIBILITY
    assert explained | {29, 30, 31, 32} == set(range(1, 42))


def test_every_layer_and_wide_column_is_named():
    for layer in LAYERS:
        assert f"`manifests/{layer}`" in CONFIGURATION
    for column in crd_version()["additionalPrinterColumns"]:
        if column.get("priority"):
            assert f"`{column['name']}`" in COMPATIBILITY


@needs_kubectl
@pytest.mark.kubectl
def test_every_permission_of_the_scaler_is_explained():
    section = CONFIGURATION.partition("### Permissions")[2]
    for obj in kustomize("scaler"):
        if obj["kind"] in ("ClusterRole", "Role"):
            for rule in obj["rules"]:
                for resource in rule["resources"]:
                    assert f"`{resource}`" in section or "status" in resource
