"""Scenario files: what happens to one autoscaler, and how its target's count has to change.

A scenario lies in the folder of its row, next to `autoscalers.yaml` with the objects that the
scenarios of that row name. Conventions: evaluations at 0, 15, 30 … s up to and including `until`;
series are steps `[time, value]` where null is no sample; the first pods have been Ready for hours;
new ones are Running and Ready that many seconds after their creation; pods above `max_schedulable`
stay Pending; the last scaling was an hour ago. `expect` lists all changes of `spec.replicas`, by
the evaluation that made them; `by_hand` are changes that somebody else makes just after one.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

Object = dict[str, Any]
Steps = list[tuple[int, int | float | None]]
Curve = list[tuple[int, int]]

FOLDER = Path(__file__).parent
AUTOSCALERS = "autoscalers.yaml"


class Pods(Struct, frozen=True, forbid_unknown_fields=True):
    """How many pods there are at first, and how later ones behave."""

    initial: int
    start_after_s: int = 0
    ready_after_s: int = 0
    max_schedulable: int | None = None
    no_start_time: bool = False


class ForeignPods(Struct, frozen=True, forbid_unknown_fields=True):
    """Pods under the target's selector that belong to another owner."""

    count: int
    ready: int = 0


class Scenario(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario, with the autoscaler that it is about."""

    scenario: str
    wpa: str
    pods: Pods
    until: int
    expect: Curve
    override: Object = {}
    foreign_pods: ForeignPods | None = None
    series: dict[str, Steps] = {}
    cpu_demand_cores: Steps = []
    cpu_limit_cores: float = 0.0
    by_hand: Curve = []
    autoscaler: Object = {}
    """The autoscaler that `wpa` names, filled in by `load`."""

    def object(self) -> Object:
        """The autoscaler with the scenario's own changes."""
        made = deepcopy(self.autoscaler)
        made["spec"].update(self.override)
        return made


def files() -> list[Path]:
    """All scenario files, by name."""
    found = (path for path in FOLDER.glob("*/*.yaml") if path.name != AUTOSCALERS)
    return sorted(found, key=lambda path: path.stem)


def load(name: str) -> Scenario:
    """The scenario of that name, `R000-A-metric` and the like."""
    path = FOLDER / name[1:4] / f"{name}.yaml"
    scenario = msgspec.yaml.decode(path.read_bytes(), type=Scenario)
    return msgspec.structs.replace(scenario, autoscaler=autoscalers(path.parent)[scenario.wpa])


def autoscalers(row: Path) -> dict[str, Object]:
    """The autoscalers of a row by `namespace/name`."""
    documents = yaml.safe_load_all((row / AUTOSCALERS).read_text(encoding="utf-8"))
    return {"{namespace}/{name}".format(**obj["metadata"]): obj for obj in documents}
