"""The objects of a soak and the truth about each: its load at any time, its specs so far."""

from collections.abc import Iterable
from random import Random
from typing import Any

from msgspec import Struct

from kube.vocab.times import SECOND, Millis
from tests.integration.scaler.manifests import autoscaler, deployment, external

Object = dict[str, Any]

METRIC = "backlog"
LABEL = "app"
HIGH = 1000
"""The high mark of every metric, per replica; the low one is a tenth."""
LINGER = 180 * SECOND
"""How long an old spec may still count: a watch that is silent for 150 s is not believed."""


class Load:
    """A load that jumps every few minutes, until `calm`, from when on it stays."""

    def __init__(self, random: Random, start: Millis, calm: Millis) -> None:
        self._steps: list[tuple[Millis, int]] = []
        at = start
        while at < calm:
            self._steps.append((at, _some(random)))
            at += round(random.uniform(120, 900) * SECOND)
        self._steps.append((calm, _some(random)))

    def at(self, moment: Millis) -> int:
        """The value at a moment."""
        return next(
            (value for since, value in reversed(self._steps) if since <= moment), self._steps[0][1]
        )

    def lowest(self, start: Millis, end: Millis) -> int:
        """The smallest value between two moments."""
        within = [value for since, value in self._steps if start < since <= end]
        return min([self.at(start), *within])


def _some(random: Random) -> int:
    return max(1, round(random.uniform(0.2, 13) * random.uniform(150, 950)))


class Version(Struct, frozen=True):
    """What was asked for from a moment on; None while there is no object."""

    since: Millis
    spec: Object | None


class Consumer:
    """One Deployment with its autoscaler, both of its name."""

    def __init__(self, name: str, random: Random, load: Load) -> None:
        self.name = name
        self.load = load
        self.versions: list[Version] = []
        self._random = random

    @property
    def spec(self) -> Object | None:
        """What is asked for now."""
        return self.versions[-1].spec if self.versions else None

    def asks(self, spec: Object | None, now: Millis) -> None:
        """From now on the object asks for this."""
        self.versions.append(Version(now, spec))

    def known(self, now: Millis) -> Iterable[Object]:
        """The specs that a scaler may act on: the newest, and those it may not know to be old."""
        for number, version in enumerate(self.versions):
            later = self.versions[number + 1 :]
            if version.spec is not None and (not later or later[0].since > now - LINGER):
                yield version.spec

    def autoscaler(self) -> Object:
        """A manifest with limits, windows and delays that the seed chooses."""
        choose = self._random.choice
        return autoscaler(
            self.name,
            minReplicas=choose((1, 2)),
            maxReplicas=choose((8, 10, 12)),
            scaleUpLimitFactor=choose((50, 100)),
            scaleDownLimitFactor=choose((20, 50)),
            upscaleForbiddenWindowSeconds=choose((60, 120)),
            downscaleForbiddenWindowSeconds=choose((120, 300)),
            upscaleDelayAboveWatermarkSeconds=choose((0, 30)),
            downscaleDelayBelowWatermarkSeconds=choose((0, 60, 120)),
            minAvailableReplicaPercentage=choose((0, 50)),
            metrics=[external(METRIC, **{LABEL: self.name})],
        )

    def changed_spec(self) -> Object:
        """A patch of some limits."""
        choose = self._random.choice
        return {
            "minReplicas": choose((1, 2, 3)),
            "maxReplicas": choose((6, 8, 12)),
            "scaleDownLimitFactor": choose((20, 50)),
        }

    def deployment(self) -> Object:
        """Its Deployment; some pods take their time."""
        ready = f"{self._random.choice((2, 10, 45))}s"
        return deployment(self.name, self._random.randint(2, 6), ready_after=ready)


def consumers(count: int, random: Random, start: Millis, calm: Millis) -> dict[str, Consumer]:
    """So many, by name."""
    made = {}
    for number in range(count):
        name, own = f"app-{number:03}", Random(random.random())
        made[name] = Consumer(name, own, Load(own, start, calm))
    return made
