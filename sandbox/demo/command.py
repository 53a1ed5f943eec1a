"""`wpa-sandbox demo` and `wpa-sandbox demo-check`."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from kube.service import runtime
from kube.service.settings import duration
from kube.vocab.times import SECOND, SystemClock
from sandbox.demo.report import ReportError, read_report
from sandbox.demo.run import Wishes, run, say_problems
from sandbox.demo.timing import SHORTEST
from sandbox.prometheus.binary import find_prometheus

DRAIN = 20.0
"""Seconds to stop all processes before the demo gives up on an orderly end."""


@click.command("demo")
@click.option(
    "--for",
    "milliseconds",
    type=duration,
    metavar="DURATION",
    help="End after this time, for example 120s; calm, burst and calm fill it. "
    "Without it the script repeats until Ctrl-C.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what happened to this file, as JSON.",
)
@click.option("--check", is_flag=True, help="Exit with 1 if it did not show what it promises.")
@click.option("--plain", is_flag=True, help="Plain lines also on a terminal.")
@click.option("--keep-folder", is_flag=True, help="Leave logs and configuration behind.")
@click.option(
    "--prometheus",
    type=click.Choice(["auto", "real", "stand-in"]),
    default="auto",
    show_default=True,
    help="Which Prometheus; auto takes the real one if it is on PATH.",
)
def demo(
    milliseconds: int | None,
    report: Path | None,
    check: bool,
    plain: bool,
    keep_folder: bool,
    prometheus: str,
) -> None:
    """Show the whole loop on this machine, from a queue's /metrics to spec.replicas.

    Starts a small Kubernetes API server, a simulated NSQ with consumers, Prometheus, wpa-adapter
    and wpa-scaler, each as a process of its own, and removes everything at the end.
    """
    wishes = Wishes(
        seconds=_seconds(milliseconds),
        report=_writable(report),
        check=_checkable(check, milliseconds),
        plain=plain,
        keep_folder=keep_folder,
        prometheus=_program(prometheus),
    )

    async def main(stop: asyncio.Event) -> int:
        # The terminal was closed.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop.set)
        return await run(wishes, Console(), SystemClock(), stop)

    sys.exit(runtime.run(main, program="wpa-sandbox demo", drain=DRAIN))


@click.command("demo-check")
@click.argument("report", type=click.Path(path_type=Path))
def demo_check(report: Path) -> None:
    """Check that a report of the demo shows what it promises; exit with 1 if not."""
    console = Console()
    try:
        found = read_report(report)
    except ReportError as error:
        click.echo(f"wpa-sandbox demo-check: {error}", err=True)
        sys.exit(runtime.USAGE)
    sys.exit(say_problems(found, console))


def _seconds(milliseconds: int | None) -> float | None:
    if milliseconds is None:
        return None
    if milliseconds < SHORTEST * SECOND:
        raise click.BadParameter(
            f"calm, burst and calm need {SHORTEST}s at least", param_hint="--for"
        )
    return milliseconds / SECOND


def _writable(report: Path | None) -> Path | None:
    """Made sure before the demo runs, not after."""
    if report is None:
        return None
    folder = report.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK)
    except OSError:
        usable = False
    if not usable:
        raise click.BadParameter(f"the folder {folder} cannot be written", param_hint="--report")
    return report


def _checkable(check: bool, milliseconds: int | None) -> bool:
    if check and milliseconds is None:
        raise click.BadParameter(
            "needs --for: without it the demo has no end", param_hint="--check"
        )
    return check


def _program(choice: str) -> str | None:
    if choice == "stand-in":
        return None
    program = find_prometheus()
    if program is None and choice == "real":
        raise click.BadParameter(
            "no program `prometheus` on PATH; install it or use --prometheus stand-in",
            param_hint="--prometheus",
        )
    return program
