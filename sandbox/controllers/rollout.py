"""The arithmetic of a rolling update: how many pods each ReplicaSet may have next. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from sandbox.apiserver.kinds.resources import Object


class Sizes(Struct, frozen=True):
    """A ReplicaSet in a rollout: what it is asked for and how many of it are available."""

    name: str
    wanted: int
    available: int


class Limits(Struct, frozen=True):
    """How many pods more than wanted there may be, and how many fewer available."""

    surge: int
    unavailable: int


def limits_of(strategy: Object, replicas: int) -> Limits:
    """The limits of a Deployment's strategy: surge rounds up, unavailability down.

    Both 0 would never move: one may then be unavailable, as in Kubernetes. Raises ValueError.
    """
    parameters = strategy.get("rollingUpdate") or {}
    surge = _count(parameters.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _count(parameters.get("maxUnavailable", "25%"), replicas, up=False)
    return Limits(surge, unavailable if surge or unavailable else 1)


def next_sizes(replicas: int, limits: Limits, new: Sizes, old: Sequence[Sizes]) -> dict[str, int]:
    """What every ReplicaSet is asked for in the next step of a rolling update.

    The new one grows as far as the surge allows; old ones shrink as far as the available pods
    allow, those that are not available first.
    """
    sizes = {item.name: item.wanted for item in (new, *old)}
    room = replicas + limits.surge - sum(sizes.values())
    grown = new.wanted + max(0, min(room, replicas - new.wanted))
    sizes[new.name] = min(grown, replicas)
    floor = replicas - limits.unavailable
    unavailable_new = sizes[new.name] - min(new.available, sizes[new.name])
    removable = sum(sizes.values()) - floor - unavailable_new
    for item in old:
        broken = max(0, item.wanted - item.available)
        gone = max(0, min(broken, removable))
        sizes[item.name] -= gone
        removable -= gone
    available = min(new.available, sizes[new.name]) + sum(
        min(item.available, sizes[item.name]) for item in old
    )
    spare = min(removable, available - floor)
    for item in old:
        gone = max(0, min(sizes[item.name], spare))
        sizes[item.name] -= gone
        spare -= gone
    return sizes


def paused_sizes(replicas: int, surge: int, active: Sequence[Sizes]) -> dict[str, int]:
    """What the ReplicaSets of several templates are asked for while a rollout is paused.

    Together they keep to the count and its surge; a change of the count falls to the largest.
    """
    change = (replicas + surge if replicas else 0) - sum(item.wanted for item in active)
    sizes = {}
    for item in sorted(active, key=lambda item: item.wanted, reverse=True):
        part = max(change, -item.wanted)
        sizes[item.name] = item.wanted + part
        change -= part
    return sizes


def _count(value: Any, replicas: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(\d+)%", str(value))
    if match is None:
        raise ValueError(f"{value!r} is neither a count nor a percentage such as 25%")
    share = replicas * int(match[1])
    return -(-share // 100) if up else share // 100
