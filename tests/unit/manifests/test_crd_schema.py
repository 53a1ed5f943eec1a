"""The CRD: upstream's object, field by field, with its defaults, bounds and columns."""

import re
from typing import Any

import pytest
from msgspec import convert

from scaler.core.spec import read_spec
from scaler.core.wire import GROUP, KIND, PLURAL, VERSION, Autoscaler
from tests.unit.manifests.manifest_files import CRD_FILE, crd_schema, crd_version, documents, nodes

INT32 = 2**31 - 1
QUANTITY = "quantity"

# (type, default) of every field of the spec; None: no default.
SPEC_FIELDS: dict[str, tuple[str, Any]] = {
    "scaleTargetRef": ("object", None),
    "scaleTargetRef.apiVersion": ("string", None),
    "scaleTargetRef.kind": ("string", None),
    "scaleTargetRef.name": ("string", None),
    "minReplicas": ("integer", 1),
    "maxReplicas": ("integer", None),
    "metrics": ("array", None),
    "metrics[].type": ("string", None),
    "metrics[].external.metricName": ("string", None),
    "metrics[].external.metricSelector.matchLabels": ("object", None),
    "metrics[].external.metricSelector.matchExpressions": ("array", None),
    "metrics[].external.highWatermark": (QUANTITY, None),
    "metrics[].external.lowWatermark": (QUANTITY, None),
    "metrics[].resource.name": ("string", None),
    "metrics[].resource.metricSelector.matchLabels": ("object", None),
    "metrics[].resource.metricSelector.matchExpressions": ("array", None),
    "metrics[].resource.highWatermark": (QUANTITY, None),
    "metrics[].resource.lowWatermark": (QUANTITY, None),
    "recommender": ("object", None),
    "recommender.url": ("string", None),
    "recommender.targetType": ("string", None),
    "recommender.highWatermark": (QUANTITY, None),
    "recommender.lowWatermark": (QUANTITY, None),
    "recommender.settings": ("object", None),
    "recommender.tlsConfig.caFile": ("string", None),
    "recommender.tlsConfig.certFile": ("string", None),
    "recommender.tlsConfig.keyFile": ("string", None),
    "recommender.tlsConfig.serverName": ("string", None),
    "recommender.tlsConfig.insecureSkipVerify": ("boolean", None),
    "recommender.tlsConfig.minVersion": ("string", None),
    "recommender.tlsConfig.maxVersion": ("string", None),
    "algorithm": ("string", "absolute"),
    "tolerance": (QUANTITY, "100m"),
    "scaleUpLimitFactor": (QUANTITY, 50),
    "scaleDownLimitFactor": (QUANTITY, 20),
    "upscaleForbiddenWindowSeconds": ("integer", 60),
    "downscaleForbiddenWindowSeconds": ("integer", 300),
    "upscaleDelayAboveWatermarkSeconds": ("integer", None),
    "downscaleDelayBelowWatermarkSeconds": ("integer", None),
    "replicaScalingAbsoluteModulo": ("integer", 1),
    "convergeTowardsWatermark": ("string", None),
    "dryRun": ("boolean", False),
    "tolerateZero": ("boolean", False),
    "minAvailableReplicaPercentage": ("integer", None),
    "readinessDelaySeconds": ("integer", None),
}

STATUS_FIELDS: dict[str, str] = {
    "observedGeneration": "integer",
    "currentReplicas": "integer",
    "desiredReplicas": "integer",
    "lastScaleTime": "string",
    "scalingEventsCount": "integer",
    "lastConditionType": "string",
    "lastConditionState": "string",
    "conditions": "array",
    "conditions[].type": "string",
    "conditions[].status": "string",
    "conditions[].lastTransitionTime": "string",
    "conditions[].reason": "string",
    "conditions[].message": "string",
    "currentMetrics": "array",
    "currentMetrics[].type": "string",
    "currentMetrics[].external.metricName": "string",
    "currentMetrics[].external.metricSelector": "object",
    "currentMetrics[].external.currentValue": QUANTITY,
    "currentMetrics[].external.currentAverageValue": QUANTITY,
    "currentMetrics[].resource.name": "string",
    "currentMetrics[].resource.currentAverageValue": QUANTITY,
    "currentMetrics[].resource.currentAverageUtilization": "integer",
    "currentMetrics[].containerResource": "object",
    "currentMetrics[].object": "object",
    "currentMetrics[].pods": "object",
}

COLUMNS = [
    ("scaling active", '.status.conditions[?(@.type=="ScalingActive")].status'),
    ("condition", ".status.lastConditionType"),
    ("condition state", ".status.lastConditionState"),
    ("value", ".status.currentMetrics[*].external.currentValue.."),
    ("high watermark", ".spec..highWatermark"),
    ("low watermark", ".spec..lowWatermark"),
    ("age", ".metadata.creationTimestamp"),
    ("min replicas", ".spec.minReplicas"),
    ("max replicas", ".spec.maxReplicas"),
    ("dry-run", '.status.conditions[?(@.type=="DryRun")].status'),
    ("last scale", ".status.lastScaleTime"),
    ("scale count", ".status.scalingEventsCount"),
]

SCHEMA = dict(nodes(crd_schema()))


def kind_of(schema: dict[str, Any]) -> str:
    return QUANTITY if schema.get("x-kubernetes-int-or-string") else str(schema.get("type"))


def test_names_are_upstreams_and_the_scalers():
    (crd,) = documents(CRD_FILE)
    spec = crd["spec"]
    assert crd["metadata"]["name"] == f"{PLURAL}.{GROUP}"
    assert (spec["group"], spec["scope"]) == (GROUP, "Namespaced")
    assert spec["names"] == {
        "kind": KIND,
        "listKind": f"{KIND}List",
        "plural": PLURAL,
        "singular": "watermarkpodautoscaler",
        "shortNames": ["wpa"],
    }
    version = crd_version()
    assert (version["name"], version["served"], version["storage"]) == (VERSION, True, True)
    assert version["subresources"] == {"status": {}}


@pytest.mark.parametrize("field", SPEC_FIELDS)
def test_spec_field_has_upstreams_type_and_default(field):
    kind, default = SPEC_FIELDS[field]
    schema = SCHEMA[f"spec.{field}"]
    assert kind_of(schema) == kind
    assert schema.get("default") == default


@pytest.mark.parametrize("field", STATUS_FIELDS)
def test_status_field_has_upstreams_type(field):
    assert kind_of(SCHEMA[f"status.{field}"]) == STATUS_FIELDS[field]


def test_no_field_beyond_upstreams():
    top = {path for path in SCHEMA if re.fullmatch(r"(spec|status)\.\w+", path)}
    known = {f"spec.{f}" for f in SPEC_FIELDS} | {f"status.{f}" for f in STATUS_FIELDS}
    assert top <= known


def test_defaults_mean_what_the_scaler_assumes_of_an_object_without_them():
    bare: dict[str, Any] = {
        "scaleTargetRef": {"kind": "Deployment", "name": "d"},
        "maxReplicas": 3,
        "metrics": [{"type": "External", "external": {"metricName": "m", "highWatermark": 1}}],
    }
    defaulted = bare | {field: default for field, (_, default) in SPEC_FIELDS.items() if default}
    assert read_spec(convert({"spec": defaulted}, Autoscaler)) == read_spec(
        convert({"spec": bare}, Autoscaler)
    )


@pytest.mark.parametrize("path", [p for p in SCHEMA if p and not p.endswith("{}")])
def test_every_field_is_described(path):
    schema = SCHEMA[path]
    if path == "metadata" or path.endswith("values[]"):  # no description is allowed / of use there
        assert set(schema) == {"type"}
        return
    assert len(schema.get("description", "")) > 10
    assert schema["description"].endswith(".")


@pytest.mark.parametrize("path", [p for p, s in SCHEMA.items() if s.get("format") == "int32"])
def test_int32_is_bounded_because_its_format_is_not_enforced(path):
    schema = SCHEMA[path]
    assert -(2**31) <= schema["minimum"] <= schema["maximum"] <= INT32
    if path != "spec.minAvailableReplicaPercentage":
        assert schema["maximum"] == INT32


@pytest.mark.parametrize("path", [p for p, s in SCHEMA.items() if kind_of(s) == QUANTITY])
def test_quantities_take_integers_and_bounded_text(path):
    schema = SCHEMA[path]
    assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}]
    assert "type" not in schema
    assert schema["maxLength"] == 128
    pattern = re.compile(schema["pattern"])
    for text in ("0.01", "1e-2", "10e3", ".5", "1.", "-5m", "+3", "12750m", "50Mi", "900k", "3E"):
        assert pattern.search(text), text
    for text in ("", "10%", "0,1", " 0.1", "5.5.5", "1Zi", "NaN", "1e1.5", "0x1"):
        assert not pattern.search(text), text


def test_required_fields():
    required = {path: set(s["required"]) for path, s in SCHEMA.items() if "required" in s}
    assert required[""] == {"spec"}
    assert required["spec"] == {"scaleTargetRef"}
    assert required["spec.scaleTargetRef"] == {"kind", "name"}
    assert required["spec.metrics[]"] == {"type"}
    assert required["spec.metrics[].external"] == {"metricName"}
    assert required["spec.metrics[].resource"] == {"name"}
    assert required["spec.recommender"] == {"url"}
    assert required["status"] == {"currentReplicas", "desiredReplicas"}
    assert required["status.conditions[]"] == {"type", "status"}


def test_printer_columns_are_upstreams_in_upstreams_order():
    columns = crd_version()["additionalPrinterColumns"]
    assert [(column["name"], column["jsonPath"]) for column in columns] == COLUMNS
    types = {column["name"]: column["type"] for column in columns}
    assert types["age"] == types["last scale"] == "date"
    assert types["min replicas"] == types["max replicas"] == types["scale count"] == "integer"


def test_the_narrow_table_fits_120_characters():
    columns = crd_version()["additionalPrinterColumns"]
    cells = {"value": "33959m", "high watermark": "12750m", "low watermark": "9000m"}
    narrow = [column["name"] for column in columns if not column.get("priority")]
    names = ("payments-prod", "example-watermark-autoscaler")
    widths = [*map(len, names), *(max(len(one), len(cells.get(one, ""))) for one in narrow)]
    assert sum(width + 3 for width in widths) - 3 <= 120


def rules() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path, rule)
        for path, schema in SCHEMA.items()
        for rule in schema.get("x-kubernetes-validations", [])
    ]


@pytest.mark.parametrize(("path", "rule"), rules())
def test_rules_speak_to_the_user_and_name_fields_that_exist(path, rule):
    assert len(rule["message"]) > 15
    assert "\n" not in rule["rule"].strip()
    assert rule["rule"].count("(") == rule["rule"].count(")")
    # Documented, but not callable on the servers the rules were compiled on.
    assert ".sign()" not in rule["rule"]
    if "fieldPath" in rule:
        assert path + rule["fieldPath"] in SCHEMA
    for reference in re.findall(r"self((?:\.[a-zA-Z]+)+)(?![a-zA-Z(])", rule["rule"]):
        assert path + reference in SCHEMA, reference


def test_metric_rules_look_only_at_the_block_that_type_names():
    for rule in SCHEMA["spec.metrics[]"]["x-kubernetes-validations"]:
        other = {"External": "resource", "Resource": "external"}
        (named,) = re.findall(r"^self\.type != '(External|Resource)' \|\| ", rule["rule"])
        assert f"self.{other[named]}" not in rule["rule"]


def test_the_cost_of_rules_is_bounded():
    # 15 is what servers that take every quantity for a text of 3 MB allow.
    assert SCHEMA["spec.metrics"]["maxItems"] == 15
