"""A CRD as lax as the upstream controller's, and objects that it stores and ours would refuse."""

from typing import Any, Final

from tests.e2e.scaler.objects import Json, autoscaler, external

FINALIZER: Final = "finalizer.watermarkpodautoscaler.datadoghq.com"

_INT: Json = {"type": "integer", "format": "int32"}
_COUNT: Json = _INT | {"minimum": 1}
_QUANTITY: Json = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?"
    r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
    "x-kubernetes-int-or-string": True,
}
_TEXT: Json = {"type": "string"}


def _object(*required: str, **properties: Json) -> Json:
    found: Json = {"type": "object", "properties": properties}
    return found | ({"required": list(required)} if required else {})


_SELECTOR: Json = _object(
    matchLabels={"type": "object", "additionalProperties": _TEXT},
    matchExpressions={
        "type": "array",
        "items": _object(
            "key", "operator", key=_TEXT, operator=_TEXT, values={"type": "array", "items": _TEXT}
        ),
    },
)
_MARKS: Json = {
    "metricSelector": _SELECTOR,
    "highWatermark": _QUANTITY,
    "lowWatermark": _QUANTITY,
}
_METRIC: Json = _object(
    "type",
    type=_TEXT,
    external=_object("metricName", metricName=_TEXT, **_MARKS),
    resource=_object("name", name=_TEXT, **_MARKS),
)
_SPEC: Json = _object(
    "scaleTargetRef",
    scaleTargetRef=_object("kind", "name", kind=_TEXT, name=_TEXT, apiVersion=_TEXT),
    minReplicas=_COUNT,
    # Without its format: servers before 1.36 store counts beyond int32 all the same.
    maxReplicas={"type": "integer", "minimum": 1},
    metrics={"type": "array", "items": _METRIC},
    algorithm=_TEXT,
    tolerance=_QUANTITY,
    scaleUpLimitFactor=_QUANTITY,
    scaleDownLimitFactor=_QUANTITY,
    upscaleForbiddenWindowSeconds=_COUNT,
    downscaleForbiddenWindowSeconds=_COUNT,
    upscaleDelayAboveWatermarkSeconds=_INT | {"minimum": 0},
    downscaleDelayBelowWatermarkSeconds=_INT | {"minimum": 0},
    replicaScalingAbsoluteModulo=_COUNT,
    convergeTowardsWatermark=_TEXT,
    dryRun={"type": "boolean"},
    tolerateZero={"type": "boolean"},
    minAvailableReplicaPercentage=_INT | {"maximum": 100},
    readinessDelaySeconds=_COUNT,
)
_CONDITION: Json = _object(
    "type",
    "status",
    type=_TEXT,
    status=_TEXT,
    lastTransitionTime={"type": "string", "format": "date-time"},
    reason=_TEXT,
    message=_TEXT,
)
_STATUS: Json = _object(
    "currentReplicas",
    "desiredReplicas",
    currentReplicas=_INT,
    desiredReplicas=_INT,
    lastScaleTime={"type": "string", "format": "date-time"},
    scalingEventsCount=_INT,
    observedGeneration={"type": "integer", "format": "int64"},
    lastConditionType=_TEXT,
    lastConditionState=_TEXT,
    conditions={"type": "array", "items": _CONDITION},
)


def as_upstream(definition: Json) -> Json:
    """Our CRD with a schema like upstream's in place of its own."""
    (version,) = definition["spec"]["versions"]
    schema = _object(spec=_SPEC, status=_STATUS) | {"required": ["spec"]}
    lax = version | {"schema": {"openAPIV3Schema": schema}}
    return definition | {"spec": definition["spec"] | {"versions": [lax]}}


def _without(wpa: Json, field: str) -> Json:
    del wpa["spec"][field]
    return wpa


def _bad_operator() -> Json:
    metric: dict[str, Any] = external()
    requirement = {"key": "queue", "operator": "Foo", "values": ["a"]}
    metric["external"]["metricSelector"] = {"matchExpressions": [requirement]}
    return autoscaler("operator", metric)


INVALID: Final[dict[str, tuple[Json, str]]] = {
    "nothing": (
        _without(autoscaler("nothing"), "metrics"),
        "at least one metric or a recommender is required",
    ),
    "unbounded": (
        _without(autoscaler("unbounded"), "maxReplicas"),
        "watermark pod autoscaler requires the minimum number of replicas to be configured and "
        "inferior to the maximum",
    ),
    "crossed": (
        autoscaler("crossed", external(high="5", low="50")),
        "low WaterMark of External metric backlog{map[]} has to be strictly inferior to the High "
        "Watermark",
    ),
    "negative": (
        autoscaler("negative", external(high="-5", low="-10")),
        "the high watermark of External metric backlog has to be positive",
    ),
    "tolerant": (
        autoscaler("tolerant", tolerance="2"),
        "tolerance should be set as a quantity between 0 and 1, currently set to : 2, which is "
        "200%",
    ),
    "vanishing": (
        autoscaler("vanishing", scaleDownLimitFactor="100"),
        "scaledownlimitfactor should be set as a quantity between 0 and 100 (exc.), currently set "
        "to : 100, which could yield a 100% decrease",
    ),
    "aimless": (
        autoscaler("aimless", target=""),
        "the Spec.ScaleTargetRef should be populated, currently Kind:Deployment and/or Name: are "
        "not set properly",
    ),
    "pods": (autoscaler("pods", {"type": "Pods"}), "incorrect metric.Type: 'Pods'"),
    "hollow": (
        autoscaler("hollow", {"type": "External"}),
        "metric.External is nil while metric.Type is 'External'",
    ),
    "operator": (_bad_operator(), "the metricSelector of metric backlog is not valid: "),
}
"""By name: an object that ours refuses, and how its refusal begins in the condition."""
