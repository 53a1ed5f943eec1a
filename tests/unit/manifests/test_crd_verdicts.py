"""What the CRD refuses, and that the scaler refuses it too where the rules did not see it."""

from copy import deepcopy
from typing import Any

import pytest
from msgspec import convert

from sandbox.apiserver.kinds.schema_prune import apply_defaults, prune
from sandbox.apiserver.kinds.schema_validate import validate
from scaler.core.metric_spec import InvalidSpec
from scaler.core.spec import read_spec
from scaler.core.wire import Autoscaler
from tests.unit.manifests.crd_verdicts import CASES, Case, Verdict
from tests.unit.manifests.manifest_files import crd_schema


def stored(case: Case) -> dict[str, Any]:
    """The object as a server looks at it: no unknown fields, no nulls, defaults filled in."""
    obj = {"metadata": {"name": "x", "namespace": "y"}, "spec": deepcopy(case.spec)}
    obj["spec"] = {key: value for key, value in obj["spec"].items() if value is not None}
    prune(crd_schema(), obj)
    apply_defaults(crd_schema(), obj)
    return obj


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_schema_refuses_what_has_the_wrong_shape_and_nothing_else(case):
    faults = validate(crd_schema(), stored(case))
    assert bool(faults) == (case.verdict is Verdict.SCHEMA), faults


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.verdict is Verdict.RULE], ids=lambda case: case.what
)
def test_the_scaler_holds_on_objects_that_predate_the_rules(case):
    with pytest.raises(InvalidSpec):
        read_spec(convert(stored(case), Autoscaler))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.verdict is Verdict.ACCEPTED], ids=lambda case: case.what
)
def test_the_scaler_acts_on_what_the_rules_accept(case):
    assert read_spec(convert(stored(case), Autoscaler)).max_replicas == case.spec["maxReplicas"]
