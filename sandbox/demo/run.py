"""One demo from the first process to the last line."""

import asyncio
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
from msgspec import Struct
from rich.console import Console

from kube.client.errors import KubeError
from kube.vocab.times import Clock
from sandbox.demo.check import problems
from sandbox.demo.frame import HISTORY, Frame, kubectl_lines, shortened
from sandbox.demo.load import demo_script
from sandbox.demo.report import (
    PhaseSpan,
    PrometheusKind,
    Recorder,
    Report,
    ReportError,
    write_report,
)
from sandbox.demo.screens import LiveScreen, PlainScreen, Screen
from sandbox.demo.stack import Stack, stack
from sandbox.demo.timing import DEFAULT, PERIOD, WINDOWS
from sandbox.demo.waiting import StepFailed
from sandbox.workload.script import Script

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the autoscalers."""

INTERRUPTED: Final = 130


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    seconds: float | None
    """How long the script runs; None is until stopped, the script repeating."""
    report: Path | None
    check: bool
    plain: bool
    keep_folder: bool
    prometheus: str | None
    """The program; None is the stand-in."""


async def run(wishes: Wishes, console: Console, clock: Clock, stop: asyncio.Event) -> int:
    """Run a demo; returns the exit code."""
    script = demo_script(wishes.seconds or DEFAULT, repeat=wishes.seconds is None)
    report = _empty_report(wishes, script)
    with _folder(console, keep=wishes.keep_folder) as folder:
        try:
            async with stack(folder, Random()) as running:
                if await _start(running, script, wishes, console, stop):
                    await _watch(running, report, wishes, console, clock, stop)
                console.print("Stopping all processes.", highlight=False)
        except StepFailed as error:
            _explain(error, console)
            return 1
    return _finish(wishes, report, console, interrupted=stop.is_set())


async def _start(
    running: Stack, script: Script, wishes: Wishes, console: Console, stop: asyncio.Event
) -> bool:
    """Take all steps; False when `stop` came first. Raises StepFailed."""
    for title, work in running.steps(script, wishes.prometheus):
        console.print(f"… {title}", end="\r" if console.is_terminal else "\n", highlight=False)
        step = asyncio.ensure_future(work())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({step, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                return False
            step.result()
        except (KubeError, aiohttp.ClientError, OSError) as error:
            child = running.children.newest
            raise StepFailed(f"{title}: {type(error).__name__}: {error}", child) from error
        finally:
            step.cancel()
            stopped.cancel()
            await asyncio.gather(step, stopped, return_exceptions=True)
        if console.is_terminal:
            console.print(f"✓ {title}", highlight=False)
    return True


async def _watch(
    running: Stack,
    report: Report,
    wishes: Wishes,
    console: Console,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Show and record until the script has run or `stop` is set. Raises StepFailed."""
    kind = "Prometheus: real" if wishes.prometheus else "Prometheus: stand-in"
    histories: dict[str, deque[float | None]] = {}
    await running.script(restart=True)
    recorder = Recorder(report, clock.now())
    started = clock.monotonic()
    looks = 0
    with _screen(running, wishes, console) as screen:
        while not stop.is_set():
            passed = clock.monotonic() - started
            for child in running.children.dead():
                raise StepFailed(f"{child.name} ended by itself", child)
            frame = await _look(running, histories, kind, _remaining(wishes, passed))
            if frame is not None:
                recorder.notice(frame.observations, clock.now())
                screen.show(frame)
                if passed >= report.cycles * PERIOD:
                    recorder.cycle(frame.observations, clock.now())
                    screen.cycle(frame)
            if wishes.seconds is not None and passed >= wishes.seconds:
                return
            looks += 1
            await _pause(stop, started + looks * LOOK_EVERY - clock.monotonic())


async def _look(
    running: Stack,
    histories: dict[str, deque[float | None]],
    kind: str,
    remaining: float | None,
) -> Frame | None:
    """A frame, or None where the cluster or the workload did not answer this time."""
    try:
        observations = await running.observer.read()
        moment = await running.script()
    except (KubeError, aiohttp.ClientError, TimeoutError):
        return None
    for observation in observations:
        history = histories.setdefault(observation.key, deque(maxlen=HISTORY))
        history.append(observation.value)
    return Frame(
        moment=moment,
        observations=observations,
        histories={key: list(values) for key, values in histories.items()},
        prometheus=kind,
        remaining=remaining,
    )


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(seconds, 0.01)):
            await stop.wait()
    except TimeoutError:
        pass


def _remaining(wishes: Wishes, passed: float) -> float | None:
    return None if wishes.seconds is None else max(wishes.seconds - passed, 0.0)


def _screen(running: Stack, wishes: Wishes, console: Console) -> Screen:
    """The screen, after what stays above it: long lines, left whole so that they can be copied."""
    lines = kubectl_lines(running.files.kubeconfig)
    for line in (shortened(), "In a second terminal:", *(f"  {line}" for line in lines)):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    plain = wishes.plain or not console.is_terminal
    return PlainScreen(console) if plain else LiveScreen(console)


def _empty_report(wishes: Wishes, script: Script) -> Report:
    kind: PrometheusKind = "real" if wishes.prometheus else "stand-in"
    phases, start = [], 0.0
    for phase in script.phases:
        phases.append(PhaseSpan(phase.name, start, start + phase.seconds))
        start += phase.seconds
    return Report(
        prometheus=kind, period=PERIOD, upscale_delay=WINDOWS.upscale_delay, phases=phases
    )


def _finish(wishes: Wishes, report: Report, console: Console, *, interrupted: bool) -> int:
    code = INTERRUPTED if interrupted and wishes.seconds is not None else 0
    if wishes.report is not None:
        try:
            write_report(wishes.report, report)
        except ReportError as error:
            console.print(str(error), style="bold red", markup=False)
            return 1
        console.print(f"Report: {wishes.report}", highlight=False)
    if wishes.check and not code:
        return say_problems(report, console)
    return code


def say_problems(report: Report, console: Console) -> int:
    """Print what the report fails to show; returns the exit code."""
    found = problems(report)
    for problem in found:
        console.print(f"✗ {problem}", style="bold red", markup=False, soft_wrap=True)
    if not found:
        console.print("✓ the report shows what the demo promises", highlight=False)
    return 1 if found else 0


def _explain(error: StepFailed, console: Console) -> None:
    console.print(f"The demo failed: {error}", style="bold red", markup=False, soft_wrap=True)
    if error.child is not None:
        console.print(f"The end of {error.child.name}'s output:", highlight=False)
        console.print(error.child.tail(), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _folder(console: Console, *, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="wpa-demo-"))
    try:
        yield folder
    finally:
        if keep:
            console.print(f"Logs and configuration are in {folder}", highlight=False)
        else:
            shutil.rmtree(folder, ignore_errors=True)
