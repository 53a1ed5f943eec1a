"""Command line of `wpa-adapter`.

Flags that mean the same as prometheus-adapter's have its names (external-metrics-api §12.4).
"""

import asyncio
import sys
import time
from typing import Any

import click

from adapter import app, check_config, flags
from adapter.settings import Settings, settings_of
from kube.service import logs, runtime
from kube.service.settings import double_dashes

_DEBUG_FROM = 4


@click.command(
    cls=flags.GroupedCommand,
    epilog=flags.EPILOG,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@flags.options
@click.version_option(app.VERSION, prog_name="wpa-adapter", message="%(prog)s %(version)s")
@click.pass_context
def _command(context: click.Context, /, **given: Any) -> None:
    """Serve external.metrics.k8s.io/v1beta1 from Prometheus.

    Reads rules in prometheus-adapter's file format (its externalRules) and answers the metric
    requests of autoscalers, as an aggregated API behind the Kubernetes API server.
    """
    settings = settings_of(given)
    logs.configure(
        level="debug" if given["verbosity"] >= _DEBUG_FROM else given["loglevel"],
        encoder=given["logencoder"],
        timestamps="iso8601",
        nanoseconds=time.time_ns,
    )
    for warning in flags.warnings_of(context):
        logs.get_logger("flags").warning(warning)
    context.exit(_run(settings))


def _run(settings: Settings) -> int:
    async def serve(stop: asyncio.Event) -> None:
        await app.serve(settings, stop)

    # The deadline lies behind the drain: it is for what hangs.
    deadline = settings.shutdown_delay + settings.drain + 1.0
    return runtime.run(serve, program="wpa-adapter", drain=deadline)


def main() -> None:
    """Entry point of the console script: flags alone serve, as prometheus-adapter's do."""
    arguments = sys.argv[1:]
    if arguments[:1] == [check_config.NAME]:
        check_config.check_config(args=arguments[1:], prog_name=f"wpa-adapter {check_config.NAME}")
    else:
        _command(args=double_dashes(arguments), prog_name="wpa-adapter")


if __name__ == "__main__":
    main()
