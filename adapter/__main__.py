"""Command line of `wpa-adapter`.

Flags that mean the same as prometheus-adapter's have its names (external-metrics-api §12.4).
"""

import asyncio
import sys
import time
from typing import Any, Final

import click

from adapter import app, check_config, flags, flags_without_effect
from adapter.flag_forms import GroupedCommand
from adapter.settings import Settings, settings_of
from kube.service import logs, runtime

_DEBUG_FROM: Final = 4
_ENCODERS: Final[dict[str | None, str]] = {"json": "json", "text": "console"}


@click.command(
    cls=GroupedCommand,
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
        encoder=_ENCODERS.get(given["logging_format"], given["logencoder"]),
        timestamps="iso8601",
        nanoseconds=time.time_ns,
    )
    warning = flags_without_effect.warning_of(context)
    if warning is not None:
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
        sys.exit(_serve(arguments))


def _serve(arguments: list[str]) -> int:
    """Run to the end; the exit code. What is wrong with a flag is said in one line, as Go does."""
    try:
        code = _command.main(arguments, prog_name="wpa-adapter", standalone_mode=False)
    except (click.ClickException, runtime.UsageError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        sys.stderr.write(f"wpa-adapter: {' '.join(text.split())}; see --help\n")
        return runtime.USAGE
    return int(code or 0)


if __name__ == "__main__":
    main()
