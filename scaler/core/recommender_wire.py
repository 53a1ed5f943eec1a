"""Request and reply of a recommendation as JSON documents (wpa-behaviour §18, D34).

Field names are those of the protobuf messages WorkloadRecommendationRequest and -Reply in their
JSON form: numbers may come as strings, and null is as good as absent.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from kube.vocab.objects import UNREADABLE, Wire
from kube.vocab.times import Millis, parse_rfc3339
from scaler.core.observed import Reading, stale_detail
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import HIGHEST_COUNT, Spec

LONGEST_TEXT: Final = 300
"""Characters of a recommender's own words that are passed on."""
LARGEST_VALUE: Final = 2**63 - 1
"""Shown values saturate here, in thousandths."""

_LARGEST_SHOWN: Final = Decimal(LARGEST_VALUE) / 1000
_DIGITS: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)


_Integer = int | float | str | None
"""Whole numbers, also as `3.0` or `"3"`: protobuf's JSON form allows for both."""


class BadReply(ValueError):
    """The reply cannot be acted on; the message says why."""


class _TargetRef(Wire, frozen=True):
    kind: str = ""
    name: str = ""
    api_version: str = ""
    namespace: str = ""
    cluster: str = ""


class _Constraints(Wire, frozen=True):
    min_replicas: int = 0
    max_replicas: int = 0


class _State(Wire, frozen=True):
    """The last two have no default and are there even when they are 0, as with upstream."""

    current_replicas: int
    ready_replicas: int
    desired_replicas: int = 0


class _Target(Wire, frozen=True):
    type: str = ""
    target_value: int | float | None = None
    lower_bound: int | float | None = None
    upper_bound: int | float | None = None


class _Request(Wire, frozen=True):
    target_ref: _TargetRef = _TargetRef()
    constraints: _Constraints = _Constraints()
    state: _State = _State(0, 0)
    targets: tuple[_Target, ...] = ()
    settings: dict[str, str] | None = None


class _Error(Wire, frozen=True):
    code: int | str | None = None
    message: str | None = None


class _Observed(Wire, frozen=True):
    type: str | None = None
    target_value: Decimal | None = None
    lower_bound: Decimal | None = None
    upper_bound: Decimal | None = None


class _Reply(Wire, frozen=True):
    error: _Error | None = None
    timestamp: str | None = None
    target_replicas: _Integer = None
    lower_bound_replicas: _Integer = None
    upper_bound_replicas: _Integer = None
    observed_targets: tuple[_Observed | None, ...] | None = None
    reason: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Reply)
_ANYTHING: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=str)
_FIELDS: Final = frozenset(_Reply.__struct_encode_fields__)
_NESTED: Final[Mapping[str, frozenset[str]]] = {
    "error": frozenset(_Error.__struct_encode_fields__),
    "observedTargets": frozenset(_Observed.__struct_encode_fields__),
}


def request_body(
    spec: Spec, recommender: Recommender, current: int, ready: int, cluster: str
) -> bytes:
    """What is asked for a target at `current` with `ready` pods that count.

    Both counts of the state are the one asked of the target: pods of a surge do not feed back.
    """
    target = spec.target
    request = _Request(
        _TargetRef(target.kind, target.name, target.api_version, spec.namespace, cluster),
        _Constraints(spec.min_replicas, spec.max_replicas),
        _State(current, ready, desired_replicas=current),
        (
            _Target(
                recommender.target_type,
                lower_bound=_bound(recommender.low),
                upper_bound=_bound(recommender.high),
            ),
        ),
        dict(recommender.settings) or None,
    )
    return msgspec.json.encode(request)


def read_reply(body: bytes, now: Millis, max_age: int) -> Reading:
    """The evidence in a reply. `max_age` in milliseconds (D16). Raises BadReply."""
    reply = _decoded(body)
    if reply.error is not None:
        message = (reply.error.message or "")[:LONGEST_TEXT]
        raise BadReply(f"error from recommender: {reply.error.code or 0} {message}")
    replicas = _count("targetReplicas", reply.target_replicas)
    if replicas is None or replicas < 0:
        what = "no targetReplicas" if replicas is None else f"targetReplicas {replicas}"
        raise BadReply(f"the reply has {what}: 0 or a positive count is needed")
    lower = _count("lowerBoundReplicas", reply.lower_bound_replicas)
    upper = _count("upperBoundReplicas", reply.upper_bound_replicas)
    advice = Advice(
        replicas,
        replicas if lower is None else lower,
        replicas if upper is None else upper,
        (reply.reason or "")[:LONGEST_TEXT],
    )
    return _reading(reply, advice, now, max_age)


def unknown_fields(body: bytes) -> tuple[str, ...]:
    """The names in a reply that mean nothing to us, sorted: the first ten. Never raises."""
    try:
        document = _ANYTHING.decode(body)
    except UNREADABLE:
        return ()
    return tuple(name[:64] for name in sorted(set(_unknown(document)))[:10])


def _decoded(body: bytes) -> _Reply:
    try:
        return _DECODER.decode(body)
    except (*UNREADABLE, InvalidOperation) as error:
        raise BadReply(f"error unmarshaling response: {error}") from None


def _reading(reply: _Reply, advice: Advice, now: Millis, max_age: int) -> Reading:
    try:
        at = parse_rfc3339(reply.timestamp) if reply.timestamp else now
    except ValueError as error:
        raise BadReply(f"error unmarshaling response: timestamp: {error}") from None
    first = (reply.observed_targets or (None,))[0]
    value = Decimal(0) if first is None else first.target_value or Decimal(0)
    if value.is_nan():
        return Reading("nan", series=1, at=at, detail="the observed value is not a number")
    if value.is_infinite():
        return Reading("infinite", series=1, at=at, detail="the observed value is infinite")
    detail = stale_detail("recommendation", now - at, max_age)
    if detail:
        return Reading("stale", series=1, at=at, detail=detail)
    return Reading("ok", _milli(value), 1, at, advice=advice)


def _count(field: str, value: _Integer) -> int | None:
    """The int32 in `field`. Raises BadReply."""
    if value is None:
        return None
    whole = _DIGITS.fullmatch(value) if isinstance(value, str) else value % 1 == 0
    if not whole:
        raise BadReply(f"{field}: {str(value)[:LONGEST_TEXT]!r} is not an integer")
    value = int(value)
    if not -HIGHEST_COUNT - 1 <= value <= HIGHEST_COUNT:
        raise BadReply(f"{field}: {value} is beyond the largest replica count, {HIGHEST_COUNT}")
    return value


def _milli(value: Decimal) -> int:
    """Thousandths, cut to whole ones as upstream does, saturating."""
    if abs(value) >= _LARGEST_SHOWN:
        return LARGEST_VALUE if value > 0 else -LARGEST_VALUE
    return int(value * 1000)


def _bound(milli: int | None) -> int | float | None:
    """A mark as the number it stands for; absent where it is 0, as protobuf leaves zeros out."""
    if not milli:
        return None
    return milli // 1000 if milli % 1000 == 0 else milli / 1000


def _unknown(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        return
    for name, value in document.items():
        if name not in _FIELDS:
            yield name
        for inner in value if isinstance(value, list) else [value]:
            if name in _NESTED and isinstance(inner, dict):
                yield from (f"{name}.{key}" for key in inner if key not in _NESTED[name])
