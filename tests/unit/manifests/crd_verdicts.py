"""Objects and what becomes of them: accepted, or refused by the CRD (D28, D33).

The verdicts hold for a real API server, where CEL rules are evaluated. `Verdict.RULE` marks those
that structural validation alone lets through.
"""

from enum import Enum
from typing import Any, NamedTuple


class Verdict(Enum):
    ACCEPTED = "accepted"
    SCHEMA = "refused by the schema"
    RULE = "refused by a CEL rule"


class Case(NamedTuple):
    what: str
    verdict: Verdict
    spec: dict[str, Any]
    field: str = ""
    """Which field a refusal names."""
    says: str = ""
    """What a refusal says about it."""


class _Absent:
    """Stands for a field that is not there; cases are named after it."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()


def external(**marks: Any) -> list[dict[str, Any]]:
    return [{"type": "External", "external": {"metricName": "m", **marks}}]


def resource(**marks: Any) -> list[dict[str, Any]]:
    return [{"type": "Resource", "resource": {"name": "cpu", **marks}}]


def spec(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "maxReplicas": 5,
        "metrics": external(highWatermark="10", lowWatermark=5),
    }
    return {key: value for key, value in (base | changes).items() if value is not ABSENT}


def _each(field: str, verdict: Verdict, *values: Any, at: str = "", says: str = "") -> list[Case]:
    return [
        Case(f"{field} {value!r}", verdict, spec(**{field: value}), at or f"spec.{field}", says)
        for value in values
    ]


def _marks(verdict: Verdict, *pairs: tuple[Any, Any], at: str = "", says: str = "") -> list[Case]:
    return [
        Case(
            f"{source.__name__} high {high!r} low {low!r}",
            verdict,
            spec(metrics=source(highWatermark=high, lowWatermark=low)),
            f"spec.metrics[0].{source.__name__}.{at}",
            says,
        )
        for high, low in pairs
        for source in (external, resource)
    ]


def _recommended(**block: Any) -> dict[str, Any]:
    return spec(metrics=ABSENT, recommender=block)


_OK, _SCHEMA, _RULE = Verdict.ACCEPTED, Verdict.SCHEMA, Verdict.RULE
_BROKEN_CPU = {"name": "cpu"}
_CROSSED = {"highWatermark": 1, "lowWatermark": 2}
_BROKEN_QUEUE = {"metricName": "m", "highWatermark": 0, "lowWatermark": 9}
_PATTERN = "should match"
_TYPE = "must be of type"
_REQUIRED = "Required value"
_SHARE = 'tolerance has to be a quantity between 0 and 1, for example "0.05" or 50m for 5 %'
_UP = "scaleUpLimitFactor has to be a percentage of at least 0, without a percent sign"
_DOWN = (
    "scaleDownLimitFactor has to be a percentage of at least 0 and less than 100, "
    "without a percent sign"
)
_LEAST_0, _LEAST_1 = ("should be greater than or equal to " + least for least in "01")
_POSITIVE = "the high watermark has to be a positive quantity"
_NO_MARK = "at least one of highWatermark and lowWatermark is required"
_NO_METRIC = "at least one metric or a recommender is required"
_NO_BLOCK = "a metric of type External needs the block external"
_FIRST = "spec.metrics[0]"
_MIN_TLS = "spec.recommender.tlsConfig.minVersion"

CASES: list[Case] = [
    *_each("tolerance", _OK, "1e-2", "0.01", 0, 1, "0", "1000m", "0.9999", ".5", "1.", None),
    *_each("tolerance", _RULE, "1.0001", 2, -1, "-0.0001", says=_SHARE),
    *_each("tolerance", _SCHEMA, "10%", "", "0,1", "1e1.5", says=_PATTERN),
    *_each("tolerance", _SCHEMA, 0.01, says=_TYPE),
    *_each("scaleUpLimitFactor", _OK, 0, 100, 200, "10G", "1e3", "0.5", None),
    *_each("scaleUpLimitFactor", _RULE, -1, "-0.1", "-1m", says=_UP),
    *_each("scaleDownLimitFactor", _OK, 0, 99, "99.999", "99999m", None),
    *_each("scaleDownLimitFactor", _RULE, 100, "100", "99.9999", -1, "1k", says=_DOWN),
    *_each("algorithm", _OK, "average", "absolute", "anything", None),
    *_each("convergeTowardsWatermark", _OK, "highwatermark", "HighWatermark"),
    *_each("minAvailableReplicaPercentage", _OK, -5, 0, 100),
    *_each("minAvailableReplicaPercentage", _SCHEMA, 101, says="less than or equal to 100"),
    *_each("minReplicas", _OK, 5, None),
    *_each("minReplicas", _SCHEMA, 0, says=_LEAST_1),
    *_each("minReplicas", _RULE, 6, says="minReplicas must not be greater than maxReplicas"),
    *_each("maxReplicas", _OK, 2**31 - 1),
    *_each("maxReplicas", _SCHEMA, 0, says=_LEAST_1),
    *_each("maxReplicas", _SCHEMA, 2**31, says="should be less than or equal to 2147483647"),
    *_each("maxReplicas", _SCHEMA, "5", says=_TYPE),
    *_each("maxReplicas", _RULE, ABSENT, None, says="maxReplicas is required"),
    *_each("upscaleForbiddenWindowSeconds", _SCHEMA, 0, says=_LEAST_1),
    *_each("upscaleDelayAboveWatermarkSeconds", _OK, 0),
    *_each("upscaleDelayAboveWatermarkSeconds", _SCHEMA, -1, says=_LEAST_0),
    *_each("readinessDelaySeconds", _SCHEMA, 0, says=_LEAST_1),
    *_each("metrics", _RULE, ABSENT, None, [], says=_NO_METRIC),
    *_each("scaleTargetRef", _OK, {"kind": "Deployment", "name": "d"}),
    *_each("scaleTargetRef", _SCHEMA, ABSENT, says=_REQUIRED),
    *_each(
        "scaleTargetRef", _SCHEMA, {"kind": "", "name": "d"},
        at="spec.scaleTargetRef.kind", says="should be at least 1 chars long",
    ),
    *_each(
        "scaleTargetRef", _SCHEMA, {"kind": "Deployment"},
        at="spec.scaleTargetRef.name", says=_REQUIRED,
    ),
    *_marks(_OK, ("10", "10"), (10, 9), ("1Ki", 1024), ("300Mi", "50Mi"), ("12750m", "9000m")),
    *_marks(_OK, ("0.0001", "0.0002"), ("9Pi", "1"), (5, 0), (5, -5), ("1e3", 1000)),
    *_marks(
        _RULE, ("10", "10.001"), (9, 10), ("1k", "1001"), ("1000m", "1.001"),
        at="lowWatermark", says="the low watermark must not be greater than the high watermark",
    ),
    *_marks(_RULE, (0, 0), (-1, -2), ("0", "-1"), at="highWatermark", says=_POSITIVE),
    Case("only a high mark", _OK, spec(metrics=external(highWatermark="80"))),
    Case("only a low mark", _OK, spec(metrics=resource(lowWatermark=80))),
    Case(
        "only a low mark of 0", _RULE, spec(metrics=external(lowWatermark=0)),
        f"{_FIRST}.external.lowWatermark", "where it stands for the high one too",
    ),
    Case(
        "only a high mark of 0", _RULE, spec(metrics=resource(highWatermark=0)),
        f"{_FIRST}.resource.highWatermark", _POSITIVE,
    ),
    Case(
        "no External mark", _RULE, spec(metrics=external()),
        f"{_FIRST}.external.highWatermark", _NO_MARK,
    ),
    Case(
        "no Resource mark", _RULE, spec(metrics=resource()),
        f"{_FIRST}.resource.highWatermark", _NO_MARK,
    ),
    Case(
        "no External block", _RULE, spec(metrics=[{"type": "External"}]),
        f"{_FIRST}.external", _NO_BLOCK,
    ),
    Case(
        "no Resource block", _RULE, spec(metrics=[{"type": "Resource"}]),
        f"{_FIRST}.resource", "a metric of type Resource needs the block resource",
    ),
    Case(
        "unknown type", _SCHEMA, spec(metrics=[{"type": "Pods"}]),
        f"{_FIRST}.type", 'supported values: "External", "Resource"',
    ),
    Case(
        "no type", _SCHEMA, spec(metrics=[{"external": {"metricName": "m"}}]),
        f"{_FIRST}.type", _REQUIRED,
    ),
    Case(
        "the other block", _RULE, spec(metrics=[{"type": "External", "resource": _BROKEN_CPU}]),
        f"{_FIRST}.external", _NO_BLOCK,
    ),
    Case(
        "an unused broken resource block",
        _OK,
        spec(metrics=[external(highWatermark=1)[0] | {"resource": _BROKEN_CPU}]),
    ),
    Case(
        "an unused broken external block",
        _OK,
        spec(metrics=[resource(highWatermark=1)[0] | {"external": _BROKEN_QUEUE}]),
    ),
    Case("an empty selector", _OK, spec(metrics=external(highWatermark=1, metricSelector={}))),
    Case(
        "sixteen metrics", _SCHEMA, spec(metrics=external(highWatermark=1) * 16),
        "spec.metrics", "must have at most 15 items",
    ),
    Case("a recommender", _OK, _recommended(url="http://r/x")),
    Case("a recommender, no metrics", _OK, _recommended(url="HTTPS://r/x") | {"metrics": []}),
    Case("a recommender, low above high", _OK, _recommended(url="http://r", **_CROSSED)),
    Case(
        "a recommender without URL", _SCHEMA, _recommended(),
        "spec.recommender.url", _REQUIRED,
    ),
    Case(
        "recommender and metrics", _RULE, spec(recommender={"url": "http://r"}),
        "spec.recommender", "recommender and metrics exclude each other, keep one of them",
    ),
    Case("TLS 1.2", _OK, _recommended(url="https://r", tlsConfig={"minVersion": "TLS12"})),
    Case(
        "TLS 1.4", _SCHEMA, _recommended(url="https://r", tlsConfig={"minVersion": "TLS14"}),
        _MIN_TLS, _PATTERN,
    ),
]  # fmt: skip
