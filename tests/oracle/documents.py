"""JSON as it might arrive: objects and replies that look right, with anything wrong in them.

A document starts out plausible; then values anywhere in it are replaced, left out, or joined by
others that nobody asked for. Now and then the text itself is broken.
"""

import json
from copy import deepcopy
from random import Random
from typing import Any

Fields = dict[str, tuple[tuple[Any, ...], tuple[Any, ...]]]
"""Fields by name: values that are plausible, and such as are not. What is callable is drawn."""

ODD = 60
"""One field in so many has an odd value."""

_KINDS = (
    "ScalingActive", "AbleToScale", "ScalingLimited", "DryRun", "AboveHighWatermark",
    "BelowLowWatermark", "ConvergeToWatermark", "ScalingBlocked", "WatermarksTooClose", "Theirs",
)  # fmt: skip
_ANYTHING: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63),
    -(2**63) - 1, 10**30, 0.5, -0.0, 1e308, "", " ", "x", "1", "0", "true", "\x00", "\ud800", "%s",
    "é" * 70, "a/b", "x" * 5000, [], {}, [None], [[]], [{}], {"": ""}, {"a": None}, ["a", 1, {}],
)  # fmt: skip


def any_object(chance: Random) -> bytes:
    """A WatermarkPodAutoscaler, or something that goes by the name."""
    spec = _fields(chance, _SPEC)
    if chance.randint(0, 3) == 0:
        spec["recommender"] = {"url": "https://there/"} | _fields(chance, _RECOMMENDER)
    if ("recommender" in spec) == (chance.randint(0, 30) == 0):
        spec["metrics"] = [_metric(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    document = {
        "apiVersion": "datadoghq.com/v1alpha1",
        "kind": "WatermarkPodAutoscaler",
        "metadata": {"namespace": "shop", "name": "web", "uid": "u1"} | _fields(chance, _METADATA),
        "spec": {"scaleTargetRef": target, "maxReplicas": 50} | spec,
    }
    if chance.randint(0, 3):
        document["status"] = _any_status(chance)
    return _written(chance, document)


def any_reply_body(chance: Random) -> bytes:
    """What a recommender may send."""
    return _written(chance, {"targetReplicas": chance.randint(0, 60)} | _fields(chance, _REPLY))


def _written(chance: Random, document: dict[str, Any]) -> bytes:
    """The text of `document`, spoilt in up to four places, and seldom broken as a whole."""
    spoilt: dict[str, Any] = json.loads(json.dumps(document))
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2, 4))):
        _spoil(chance, spoilt)
    body = json.dumps(spoilt).encode()
    match chance.randint(0, 60):
        case 0:
            cut = chance.randint(0, len(body))
            return body[:cut] + chance.choice((b"", b"\xff", b"{", b"1e999", b'"\xed\xa0\x80"'))
        case 1:
            deep: int = 10 ** chance.randint(2, 5)
            return body[:-1] + b', "deep": ' + b"[" * deep + b"]" * deep + b"}"
        case 2:
            return body[:-1] + b", " + body[1:]
        case _:
            return body


def _spoil(chance: Random, document: dict[str, Any]) -> None:
    """One place of `document`: another value, none, or one that nobody asked for."""
    places = _places(document)
    if not places:
        return
    holder, key = chance.choice(places)
    match chance.randint(0, 5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            name = chance.choice(("surprise", "", "Spec", "name", "value"))
            holder[name] = deepcopy(chance.choice(_ANYTHING))
        case 2:
            holder[key] = chance.choice((*_QUANTITIES, *_TIMES))
        case _:
            holder[key] = deepcopy(chance.choice(_ANYTHING))


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every place a value can be at, as its holder and its key there."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    found = [(node, key) for key in keys]
    for key in keys:
        if isinstance(node[key], dict | list):
            found += _places(node[key])
    return found


def _fields(chance: Random, fields: Fields) -> dict[str, Any]:
    """Some of `fields`, each with one of its values."""
    chosen = {
        name: chance.choice(odd if odd and chance.randint(1, ODD) == 1 else plausible)
        for name, (plausible, odd) in fields.items()
        if chance.randint(0, 2)
    }
    return {name: value(chance) if callable(value) else value for name, value in chosen.items()}


def _metric(chance: Random) -> dict[str, Any]:
    kind = chance.choice(("External", "External", "Resource"))
    high, low = chance.choice((("1000", "100"), ("800m", "400m"), ("10P", "8Pi"), ("1n", "-1e20")))
    block = {"metricName": "backlog", "name": "cpu", "highWatermark": high, "lowWatermark": low}
    block |= _fields(chance, _BLOCK) if chance.randint(0, 9) == 0 else {}
    blocks = {"external": block, "resource": dict(block)}
    if chance.randint(0, 40) == 0:
        kind = chance.choice(("", "Pods", "external"))
    return {"type": kind} | {key: blocks[key] for key in blocks if chance.randint(0, 40)}


def _any_status(chance: Random) -> dict[str, Any]:
    status = _fields(chance, _STATUS)
    kinds = chance.choices(_KINDS, k=chance.randint(0, 9))
    status["conditions"] = [{"type": kind} | _fields(chance, _CONDITION) for kind in kinds]
    return status


def _current(chance: Random) -> list[Any]:
    value = chance.choice(("1500m", "0", "", "x" * 5000))
    return [{"type": "External", "external": {"metricName": "backlog", "currentValue": value}}]


def _targets(chance: Random) -> list[Any]:
    found = [{"type": "cpu"} | _fields(chance, _TARGET) for _ in range(chance.randint(0, 2))]
    return found or [None]


def _annotations(chance: Random) -> dict[str, str]:
    return _fields(chance, _ANNOTATIONS)


_QUANTITIES: tuple[Any, ...] = (
    "100m", "0", 0, 1, 5, "1k", "1e3", "-0.5", "0.0001", "10P", "9Pi", "9223372036854775807",
    10**17, "1e60", "-1e99", "9" * 120, "64Mi", "1n", 0.01, 1.5e300, "NaN", "Inf", "", " 5", "10%",
    "1_0", "\u0663", "1e-99", ".5", "5.", "+7", "--1", 10**30, None,
)  # fmt: skip
_TIMES: tuple[Any, ...] = (
    "2027-01-15T08:00:00Z", "2027-01-15T07:59:30Z", "2027-01-15T07:58:00.123456789Z",
    "2027-01-15T13:29:00+05:30", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59",
    "2027-01-15T07:59:60Z", "yesterday", "2027-02-30T00:00:00Z", "0000-00-00T00:00:00Z", "", None,
)  # fmt: skip
_COUNTS = (0, -1, 2**31 - 1, 2**31, -(2**31), 10**12)
_SECONDS = (0, -1, 2**31 - 1, 2**31, 10**12, None)
_STATES = ("True", "False", "Unknown", "", "true")
_BLOCK: Fields = {
    "highWatermark": (_QUANTITIES, ()),
    "lowWatermark": (_QUANTITIES, ()),
    "metricName": (("queue",), ("", "a/b", "\u00dcn\u00ef", "x" * 5000)),
    "metricSelector": (
        (
            {}, None, {"matchLabels": {"app": "web"}},
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]},
        ),
        (
            {"matchLabels": {"a b": "c", "": ""}},
            {"matchExpressions": [{"key": "a", "operator": "Gt", "values": []}, {}]},
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["no"]}]},
        ),
    ),
}  # fmt: skip
_ANNOTATIONS: Fields = {
    "wpa.datadoghq.com/max-sample-age": (
        ("60", "1", "300", "9999999999"),
        ("0", "-1", "x", "\u0663"),
    ),
    "wpa.datadoghq.com/skip-owner-check": (("true", "True", ""), ()),
    "wpa.datadoghq.com/logs-attributes": (('{"a": 1}', '{"msg": 1}', "{", "[]", "[" * 99_999), ()),
    "wpa.datadoghq.com/lifecycle-control.enabled": (("true", "1", "T", "yes", ""), ()),
}
_METADATA: Fields = {
    "generation": ((0, 1, 7, 2**63 - 1), ()),
    "annotations": ((_annotations, _annotations, None), ()),
    "labels": (({"team": "a"}, None), ()),
    "managedFields": (([{"manager": "x", "fieldsV1": {"f:spec": {}}}],), ()),
}
_SPEC: Fields = {
    "minReplicas": ((1, 1, 2, 5, 20), _COUNTS),
    "maxReplicas": ((50, 50, 9, 2**31 - 1), _COUNTS),
    "algorithm": (("absolute", "average", "Average", ""), ()),
    "tolerance": (("0.1", "100m", "0", 1, 0, "1", "333m"), _QUANTITIES),
    "scaleUpLimitFactor": (("50", 100, 0, "0.3", "1e60"), _QUANTITIES),
    "scaleDownLimitFactor": (("20", 30, 0, "99.9"), _QUANTITIES),
    "upscaleForbiddenWindowSeconds": ((1, 30, 2**31 - 1), _SECONDS),
    "downscaleForbiddenWindowSeconds": ((1, 300, 2**31 - 1), _SECONDS),
    "upscaleDelayAboveWatermarkSeconds": ((0, 30, 2**31 - 1), _SECONDS),
    "downscaleDelayBelowWatermarkSeconds": ((0, 60, 2**31 - 1), _SECONDS),
    "replicaScalingAbsoluteModulo": ((1, 1, 2, 5, 2**31 - 1), _COUNTS),
    "convergeTowardsWatermark": (("highwatermark", "lowwatermark", "High", ""), ()),
    "dryRun": ((True, False), ()),
    "tolerateZero": ((True, False), ()),
    "minAvailableReplicaPercentage": ((0, 50, 100), (101, -5, *_COUNTS)),
    "readinessDelaySeconds": ((0, 30, 2**31 - 1), _SECONDS),
}
_RECOMMENDER: Fields = {
    "targetType": (("cpu", ""), ()),
    "highWatermark": (("90", "1e60"), _QUANTITIES),
    "lowWatermark": (("50", "-1"), _QUANTITIES),
    "settings": (({"a": "b"}, {}, None), ({"a": 1},)),
    "tlsConfig": (
        ({"caFile": "/ca", "minVersion": "TLS12"}, {}),
        ({"minVersion": "TLS13", "maxVersion": "TLS10"}, {"minVersion": "SSL3"}),
    ),
    "url": (
        ("https://there/", "http://u:p@there:99999/x"),
        ("grpc://there", "http://[", "", "\n", "http://u:p@[::1"),
    ),
}
_CONDITION: Fields = {
    "status": (_STATES, ()),
    "lastTransitionTime": (_TIMES, ()),
    "reason": (("R", ""), ()),
    "message": (("m", "x" * 5000), ()),
}
_STATUS: Fields = {
    "currentReplicas": ((0, 4, 2**31 - 1), _COUNTS),
    "desiredReplicas": ((0, 4, 2**31 - 1), _COUNTS),
    "lastScaleTime": (_TIMES, ()),
    "scalingEventsCount": ((0, 3, 2**31 - 1), (-1, 2**63 - 1)),
    "currentMetrics": ((_current, None, []), ()),
    "lastConditionState": (_STATES, ()),
    "observedGeneration": ((0, 7, 2**63 - 1), ()),
}
_REPLY: Fields = {
    "targetReplicas": ((0, 1, 5, 9, 50, "5", 5.0, 2**31 - 1), (*_COUNTS, 5.5, "-0", "1e3", None)),
    "lowerBoundReplicas": ((0, 1, 5, "5", None), _COUNTS),
    "upperBoundReplicas": ((5, 9, 50, "5", None), _COUNTS),
    "timestamp": ((*_TIMES[:2], "2027-01-15T07:30:00Z", None), _TIMES),
    "observedTargets": ((_targets, None), ([], [None], {})),
    "reason": (("because", "x" * 5000, None), ()),
    "error": ((None,), ({"code": 5, "message": "no"}, {})),
}
_TARGET: Fields = {
    "targetValue": (
        (0, 1.5, "90", 1e308, -5, None),
        ("NaN", "Infinity", "-Infinity", "sNaN", "1e999999", "-1e-999999", "x"),
    ),
}
