"""The two outputs of the demo: a live view on a terminal, plain lines elsewhere."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sandbox.demo.frame import (
    HISTORY,
    Frame,
    number,
    per_replica,
    phase_text,
    sparkline,
)
from sandbox.demo.observation import Observation


class Screen(Protocol):
    """Where frames go, as a context manager."""

    def show(self, frame: Frame) -> None:
        """A look, about once a second."""

    def cycle(self, frame: Frame) -> None:
        """A look once per evaluation period."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class PlainScreen:
    """One line per autoscaler and evaluation period."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, frame: Frame) -> None:
        """Nothing between the cycles."""

    def cycle(self, frame: Frame) -> None:
        """The lines."""
        for observation in frame.observations:
            self._console.print(_plain_line(frame, observation), soft_wrap=True, highlight=False)


def _plain_line(frame: Frame, observation: Observation) -> Text:
    each = per_replica(observation)
    share = "" if each is None else f" ({each:,.0f} per replica)"
    return Text(
        f"{frame.moment.elapsed:4.0f} s  {frame.moment.phase:<10}  {observation.name:<17}  "
        f"backlog {number(observation.value)}{share}  "
        f"replicas {observation.ready}/{observation.replicas}  "
        f"{_decision(observation)}"
    )


def _decision(observation: Observation) -> str:
    if not observation.reason:
        return observation.decision
    return f"{observation.decision}: {observation.reason}"


class LiveScreen:
    """A view that is redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, frame: Frame) -> None:
        """Redraw."""
        self._live.update(Group(_head(frame), *map(_autoscaler, _each(frame))))

    def cycle(self, frame: Frame) -> None:
        """The view is fresh already."""


_Shown = tuple[Observation, Sequence[float | None]]
_STYLES: Final = {"scaled": "bold green", "could": "bold red", "holds": "yellow"}


def _each(frame: Frame) -> list[_Shown]:
    return [(seen, frame.histories.get(seen.key, [])) for seen in frame.observations]


def _head(frame: Frame) -> RenderableType:
    parts = [f"{frame.moment.elapsed:.0f} s", phase_text(frame.moment), frame.prometheus]
    if frame.remaining is not None:
        parts.append(f"ends in {frame.remaining:.0f} s")
    else:
        parts.append("Ctrl-C ends")
    return Text("  ·  ".join(parts), style="bold")


def _autoscaler(shown: _Shown) -> RenderableType:
    seen, history = shown
    each = per_replica(seen)
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=12, style="dim")
    table.add_column(ratio=1, overflow="fold")
    table.add_row("backlog", Text(f"{number(seen.value):>9}  {sparkline(history, HISTORY)}"))
    table.add_row("per replica", _band(each, seen))
    table.add_row("replicas", _replicas(seen))
    style = _STYLES.get(seen.decision.split(" ")[0], "")
    table.add_row("decision", Text(_decision(seen), style=style))
    return Panel(table, title=f"{seen.name} → {seen.target}", title_align="left")


def _band(each: float | None, seen: Observation) -> Text:
    text = Text(f"{number(each):>9}  marks {seen.low:,.0f} to {seen.high:,.0f}")
    if each is None:
        text.append("  unknown", style="yellow")
    elif each > seen.high:
        text.append("  above", style="red")
    elif each < seen.low:
        text.append("  below", style="cyan")
    else:
        text.append("  in between", style="green")
    return text


def _replicas(seen: Observation) -> Text:
    bars = "█" * seen.ready + "░" * max(seen.replicas - seen.ready, 0)
    return Text(f"{seen.ready:>4} ready of {seen.replicas} wanted  {bars}")
