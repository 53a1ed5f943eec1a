"""`wpa-sandbox prometheus`: the stand-in as a process."""

import asyncio
import sys
import time
from pathlib import Path

import click

from kube.service import logs, runtime
from kube.service.listeners import listening
from kube.service.settings import Address
from kube.vocab.times import SystemClock
from sandbox.prometheus.configuration import ConfigurationError
from sandbox.prometheus.standin import StandIn


@click.command("prometheus")
@click.option(
    "--config.file",
    "config_file",
    required=True,
    type=click.Path(path_type=Path),
    help="prometheus.yml: static targets and recording rules.",
)
@click.option("--port", default=0, show_default="any free one", type=click.IntRange(0, 65535))
def prometheus(config_file: Path, port: int) -> None:
    """Stand in for Prometheus: scrape, record, answer /api/v1/query.

    Understands the part of PromQL that the demo needs and refuses the rest.
    """
    logs.configure(encoder="console", timestamps="iso8601", nanoseconds=time.time_ns)
    log = logs.get_logger("prometheus")

    async def main(stop: asyncio.Event) -> None:
        try:
            standin = StandIn(config_file, SystemClock(), log.warning)
        except ConfigurationError as error:
            raise runtime.UsageError(str(error)) from error
        async with (
            listening(standin.app(), Address("127.0.0.1", port), flag="--port") as bound,
            standin.scraping(),
        ):
            log.info("serving", port=bound.port)
            await stop.wait()

    sys.exit(runtime.run(main, program="wpa-sandbox prometheus"))
