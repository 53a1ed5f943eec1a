"""Command line of `kubectl wpa`."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from kube.client.configuration import load_credentials
from kube.client.errors import ConfigError
from kube.client.transport import ApiClient
from kubectl_wpa.core import Choice, WrongUse, choose, saved_states
from kubectl_wpa.dry_run import Failed, revert, show, switch

QPS: Final = 50.0
BURST: Final = 300
"""kubectl's own pace."""

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SETTINGS: Final = {"help_option_names": ["-h", "--help"]}
_GROUP_EPILOG: Final = """
\b
Pause all autoscalers of a namespace, and put them back as they were:
  kubectl wpa dry-run list --all -n shop -o csv > saved.csv
  kubectl wpa dry-run enable --all -n shop
  kubectl wpa dry-run revert -f saved.csv
\b
Hold one batch of a rollout and release it:
  kubectl wpa dry-run enable -l batch=2 -n shop
  kubectl wpa dry-run disable -l batch=2 -n shop

An object that cannot be changed is told on the standard error and does not change the exit code.
"""


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Several click options as one decorator, in the order of --help."""

    def add(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_CLUSTER: Final = _options(
    click.option("--kubeconfig", metavar="FILE", help="How to reach the cluster; else KUBECONFIG, "
                 "the pod's service account, ~/.kube/config."),
    click.option("--context", metavar="NAME", help="Context of the kubeconfig."),
)  # fmt: skip
_CHOICE: Final = _options(
    click.argument("name", default=""),
    click.option("-l", "--label-selector", "labels", metavar="SELECTOR", default="",
                 help="All with these labels, such as team=shop,batch!=1."),
    click.option("--all", "everything", is_flag=True, help="All there are."),
    click.option("-n", "--namespace", metavar="NAME",
                 help="Where to look.  [default: the context's namespace]"),
    click.option("--all-namespaces", is_flag=True, help="Look in all namespaces."),
    _CLUSTER,
)  # fmt: skip


@click.group(context_settings=_SETTINGS)
@click.version_option(package_name="watermark-autoscaler", prog_name="kubectl wpa")
def wpa() -> None:
    """Work with WatermarkPodAutoscalers."""


@wpa.group("dry-run", epilog=_GROUP_EPILOG)
def dry_run() -> None:
    """Show and switch dry-run, in which all is computed and no target changes."""


@dry_run.command("list")
@click.option("-o", "--output", type=click.Choice(["csv"]),
              help="csv: namespace,name,enabled|disabled, as `revert` reads it.")  # fmt: skip
@_CHOICE
def list_states(output: str | None, **flags: Any) -> None:
    """Show whether dry-run is on, of one autoscaler or of many."""
    _for_choice(lambda client, choice: show(client, choice, as_csv=output == "csv"), **flags)


@dry_run.command()
@_CHOICE
def enable(**flags: Any) -> None:
    """Switch dry-run on: targets stay as they are until it is off again."""
    _for_choice(lambda client, choice: switch(client, choice, dry_run=True), **flags)


@dry_run.command()
@_CHOICE
def disable(**flags: Any) -> None:
    """Switch dry-run off: targets are scaled again."""
    _for_choice(lambda client, choice: switch(client, choice, dry_run=False), **flags)


@dry_run.command("revert")
@click.option("-f", "--csv-file", "file", type=click.Path(path_type=Path),
              help="What `list -o csv` wrote.")  # fmt: skip
@click.option("-n", "--namespace", metavar="NAME", expose_value=False,
              help="Taken for upstream's sake; each row names its own.")  # fmt: skip
@_CLUSTER
def revert_states(file: Path | None, kubeconfig: str | None, context: str | None) -> None:
    """Put dry-run back as a file says.

    Rows that cannot be read are told and left out; a state other than enabled and disabled means
    enabled, which is the safe side.
    """
    if file is None:
        raise click.ClickException(
            "the revert command requires a file as input use `--help` for an example"
        )
    rows = list(saved_states(_text_of(file)))
    _run(lambda client, _: revert(client, rows), kubeconfig, context)


def _for_choice(
    work: Callable[[ApiClient, Choice], Awaitable[None]],
    kubeconfig: str | None,
    context: str | None,
    **flags: Any,
) -> None:
    """Do `work` on what the flags of `_CHOICE` choose."""
    try:
        choice = choose(**flags)
    except WrongUse as error:
        raise click.ClickException(str(error)) from error
    _run(lambda client, own: work(client, choice.within(own)), kubeconfig, context)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"unable to open the csv file {file}, err: {error}; "
            "name one that `kubectl wpa dry-run list -o csv` wrote"
        ) from error


def _run(
    work: Callable[[ApiClient, str], Awaitable[None]], kubeconfig: str | None, context: str | None
) -> None:
    """Do `work` with a client and the context's namespace. Failures end the program with 1."""

    async def connected() -> None:
        credentials = await load_credentials(kubeconfig, context)
        async with ApiClient(credentials, user_agent="kubectl-wpa", qps=QPS, burst=BURST) as client:
            await work(client, credentials.namespace or "default")

    try:
        asyncio.run(connected())
    except (Failed, ConfigError) as error:
        raise click.ClickException(str(error)) from error


def main() -> None:
    """Entry point of `kubectl-wpa`, which kubectl runs for `kubectl wpa`."""
    wpa(prog_name="kubectl wpa")


if __name__ == "__main__":
    main()
