"""`wpa-sandbox workload`."""

import asyncio
import sys
import time
from pathlib import Path

import click

from kube.service import logs, runtime
from kube.service.settings import Address
from kube.vocab.times import SystemClock
from sandbox.workload.app import serve
from sandbox.workload.script import ScriptError, load_script


@click.command("workload")
@click.option(
    "--kubeconfig", required=True, type=click.Path(path_type=Path), help="Where the consumers run."
)
@click.option("--port", default=0, show_default="any free one", type=click.IntRange(0, 65535))
@click.option(
    "--script",
    "script_file",
    required=True,
    type=click.Path(path_type=Path),
    help="YAML file: consumers, topics and the phases of their arrivals.",
)
def workload(kubeconfig: Path, port: int, script_file: Path) -> None:
    """Simulate an NSQ whose consumers are Deployments of a cluster, and serve its /metrics."""
    logs.configure(encoder="console", timestamps="iso8601", nanoseconds=time.time_ns)

    async def main(stop: asyncio.Event) -> None:
        try:
            script = load_script(script_file)
        except ScriptError as error:
            raise runtime.UsageError(str(error)) from error
        await serve(script, str(kubeconfig), Address("127.0.0.1", port), SystemClock(), stop)

    sys.exit(runtime.run(main, program="wpa-sandbox workload"))
