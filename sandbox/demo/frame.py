"""What the demo's screen shows, as plain values, and the texts that every output shares."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from sandbox.demo.load import NAMESPACE
from sandbox.demo.observation import EXTERNAL_METRICS, METRIC, Observation
from sandbox.demo.stack import Moment
from sandbox.demo.timing import PERIOD, SCRAPE, WINDOWS

BARS: Final = "▁▂▃▄▅▆▇█"
HISTORY: Final = 48
"""Looks that the sparkline goes back; as many as 80 columns have room for."""


class Frame(Struct, frozen=True, kw_only=True):
    """One look at everything."""

    moment: Moment
    observations: list[Observation]
    histories: dict[str, list[float | None]]
    prometheus: str
    remaining: float | None
    """Seconds until the demo ends by itself; None when it runs until it is stopped."""


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as bars from zero to the highest; a gap where there was none."""
    shown = values[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    return "".join(
        " "
        if value is None
        else BARS[min(int(value / top * len(BARS)), len(BARS) - 1) if top else 0]
        for value in shown
    )


def number(value: float | None) -> str:
    """A backlog for people."""
    return "no value" if value is None else f"{value:,.0f}"


def per_replica(observation: Observation) -> float | None:
    """What is compared with the marks: the backlog over the Ready pods."""
    if observation.value is None or not observation.ready:
        return None
    return observation.value / observation.ready


def phase_text(moment: Moment) -> str:
    """The phase of the script and its time left."""
    return f"{moment.phase}, {moment.left:.0f} s left"


def shortened() -> str:
    """What runs faster here than in real life."""
    return (
        "Shortened to be watchable: evaluation every "
        f"{PERIOD} s (default 15), scrapes every {SCRAPE} s (15), "
        f"upscale delay {WINDOWS.upscale_delay} s (30), "
        f"downscale delay {WINDOWS.downscale_delay} s (300), "
        f"forbidden windows {WINDOWS.upscale_forbidden} s up (30) "
        f"and {WINDOWS.downscale_forbidden} s down (60)."
    )


def kubectl_lines(kubeconfig: Path) -> list[str]:
    """Commands to paste into a second terminal."""
    kubectl = f"kubectl --kubeconfig {shlex.quote(str(kubeconfig))}"
    path = f"{EXTERNAL_METRICS}/namespaces/{NAMESPACE}/{METRIC}"
    return [
        f"{kubectl} get wpa -A -w",
        f"{kubectl} -n {NAMESPACE} get deployments,pods",
        f"{kubectl} -n {NAMESPACE} describe wpa kodo-x-metric",
        f'{kubectl} get --raw "{path}?labelSelector=consumer%3Dkodo-x-metric"',
    ]
