"""The six objects of every world, each in its state when the fault begins, and their true loads.

Seconds count from the beginning of the fault. Late in it the load of everything rises: whoever
shrinks then acts on what was, and who could not grow has to as soon as the fault is over.
"""

from typing import Any

from msgspec import Struct, field, structs

from tests.faults.judge import Load, Rules
from tests.integration.scaler.manifests import Object, autoscaler, external

METRIC = "depth"
PRELUDE = 300
"""Seconds from the start of a world to the fault."""
FIRST_LOOK = 280
"""How long before it the scaler and its objects are there."""
SCRAPES = 5.0
"""Seconds between two scrapes, and after which the adapter asks anew."""
RISE = 100
FAULT = 180
"""How long it lasts."""
AFTER = 60
"""How long the world is watched after it."""
CYCLE = 16
"""One evaluation period, and a second for the calls."""
SAMPLE = 10
"""Seconds that a number may take from an exporter to the scaler: one scrape, and `cacheTTL`."""
QUERY = 10
"""Seconds that a query takes at most which was asked before the end of the fault."""
LEASE = 3
"""Seconds until a scaler that had lost its Lease tries to have it again."""
SUCCESSION = 15
"""Seconds until the Lease of a scaler that died is free."""


class State(Struct, frozen=True):
    """An object, and how it comes into its state."""

    name: str
    title: str
    replicas: int
    loads: tuple[tuple[float, int], ...]
    rules: Rules = Rules()
    rollout: float | None = None
    """When its pods are replaced."""
    script: dict[str, str] = field(default_factory=dict)

    def manifest(self) -> Object:
        """The autoscaler."""
        rules = self.rules
        spec: dict[str, Any] = {
            "minReplicas": rules.fewest,
            "maxReplicas": rules.most,
            "scaleDownLimitFactor": rules.down_factor,
            "upscaleForbiddenWindowSeconds": 1,
            "downscaleForbiddenWindowSeconds": rules.window // 1000,
            "downscaleDelayBelowWatermarkSeconds": rules.delay // 1000,
            "readinessDelaySeconds": max(1, rules.readiness // 1000),
            "minAvailableReplicaPercentage": rules.available,
            "metrics": [external(METRIC, queue=self.name)],
        }
        return autoscaler(self.name, **spec)

    def truth(self, begin: int) -> list[Load]:
        """Its loads, with the fault at `begin` in milliseconds."""
        return [Load(begin + round(second * 1000), value) for second, value in self.loads]

    def quicker(self, pace: int) -> "State":
        """The same in a world in which everything is `pace` times as fast."""
        rules = structs.replace(
            self.rules,
            **{
                name: getattr(self.rules, name) // pace
                for name in ("window", "delay", "readiness", "max_age", "period")
            },
        )
        return structs.replace(
            self,
            loads=tuple((second / pace, value) for second, value in self.loads),
            rules=rules,
            rollout=None if self.rollout is None else self.rollout / pace,
            script={"ready_after": "1s"} if self.script else {},
        )


LONG_AGO = -100_000

STATES = (
    State("steady", "steady", 4, ((LONG_AGO, 2_010), (RISE, 9_030))),
    State("above", "above", 4, ((LONG_AGO, 2_040), (-1, 5_010), (RISE, 9_060))),
    State("below", "below", 8, ((LONG_AGO, 4_020), (-1, 300), (RISE, 18_090))),
    State(
        "delay", "inside a delay", 8, ((LONG_AGO, 4_050), (-60, 330), (RISE, 18_060)),
        structs.replace(Rules(), delay=120_000),
    ),
    State(
        "window", "inside a window", 4,
        ((LONG_AGO, 2_070), (-75, 7_980), (-45, 360), (RISE, 18_030)),
    ),
    State(
        "rollout", "mid-rollout", 8, ((LONG_AGO, 4_080), (-30, 390), (RISE, 18_120)),
        structs.replace(Rules(), readiness=60_000), rollout=-25, script={"ready_after": "10s"},
    ),
)  # fmt: skip
