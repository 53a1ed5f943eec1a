"""Objects with a recommender, and looks at the world that brought a recommendation."""

from typing import Any

from scaler.core.observed import Observed, Reading
from scaler.core.recommender import Advice, Recommender
from scaler.core.spec import Spec
from tests.oracle.worlds import NOW, given_spec, look

URL = "http://recommender.test/autoscaling"
NAME = "recommender{targetType:cpu,a:1,b:2}"


def recommended_spec(recommender: dict[str, Any] | None = None, **spec: Any) -> Spec:
    """A valid specification that asks the recommender of `URL`."""
    fields = {"url": URL, "targetType": "cpu", "settings": {"b": "2", "a": "1"}}
    return given_spec(metrics=None, recommender=fields | (recommender or {}), **spec)


def recommender_of(spec: Spec) -> Recommender:
    """The one that it has."""
    assert spec.recommender is not None
    return spec.recommender


def advised(replicas: int, lower: int, upper: int, reason: str = "", value: int = 0) -> Reading:
    """A good reading."""
    return Reading("ok", value, 1, NOW, advice=Advice(replicas, lower, upper, reason))


def told(current: int, replicas: int, lower: int, upper: int, **more: Any) -> Observed:
    """A target at `current`, and that recommendation."""
    return look(current, advised(replicas, lower, upper), **more)
