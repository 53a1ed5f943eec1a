"""The command line of `wpa-sandbox`: each command is imported only when it is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

_COMMANDS: Final[Mapping[str, str]] = {
    "demo": "sandbox.demo.command",
    "demo-check": "sandbox.demo.command",
    "prometheus": "sandbox.prometheus.command",
    "serve": "sandbox.serve",
    "workload": "sandbox.workload.command",
}
"""Module of each command; the module holds it under the command's own name, - as _."""


class LazyGroup(click.Group):
    """A group that imports the module of a command when somebody asks for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, without importing anything."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = getattr(import_module(module), cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command), f"{module}.{cmd_name} is no command"
        return found


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="watermark-autoscaler")
def cli() -> None:
    """A small Kubernetes, a workload and Prometheus on one machine, for demos and tests."""
