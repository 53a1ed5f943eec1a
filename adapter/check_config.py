"""`wpa-adapter check-config FILE`: what a rule file comes to, before anything serves it."""

import sys
from pathlib import Path

import click

from adapter.core.configuration import read_configuration
from adapter.core.explain import explained
from adapter.core.problems import ConfigurationError
from adapter.core.schema import schema_text
from kube.service.runtime import FAILED

NAME = "check-config"

_EPILOG = """\b
Nothing is asked of Prometheus or the cluster, and files that upstreams name need not exist here.
Exit code 0: the file can be served. 1: it cannot; each problem is a line on stderr, as
  FILE:LINE: what is wrong; what to do
2: the arguments are wrong.
\b
Examples:
  wpa-adapter check-config rules.yaml
  wpa-adapter check-config --schema > adapter-config.schema.json
"""


def _print_schema(context: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(schema_text(), nl=False)
        context.exit()


@click.command(
    NAME,
    epilog=_EPILOG,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the file's JSON schema, for editors, and exit.",
)
@click.pass_context
def check_config(context: click.Context, file: str) -> None:
    """Check a rule file and explain each rule of it.

    For every rule: the metric, the series, the label of the namespace, who is asked, what differs
    from the defaults, and a sample request with the PromQL that it becomes. FILE may be "-" for
    standard input.
    """
    try:
        catalogue = read_configuration(_text(file), file)
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        context.exit(FAILED)
    for line in explained(catalogue):
        click.echo(line)
    for warning in catalogue.warnings:
        click.echo(f"warning: {warning}", err=True)


def _text(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read()
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read: {error}") from error
