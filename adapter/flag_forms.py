"""How flags are written and shown: Go's forms on the command line, click's options behind them."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from adapter.core.headers import is_header_name
from kube.service.settings import double_dashes, duration
from kube.vocab.times import SECOND

F = TypeVar("F", bound=Callable[..., Any])

_NAME: Final = re.compile(r"(--?)([A-Za-z][A-Za-z0-9_-]*)(=.*)?", re.DOTALL)


class GroupedOption(click.Option):
    """An option that knows under which heading help shows it."""

    def __init__(self, *args: Any, group: str = "Other", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command whose help has a heading for each group of options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, in the order in which groups first appear."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "Other"), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `args` in Go's forms."""
        switches = {
            name.removeprefix("--")
            for parameter in self.get_params(ctx)
            if isinstance(parameter, click.Option) and parameter.flag_value is True
            for name in parameter.opts
        }
        return super().parse_args(ctx, go_arguments(args, switches))


def go_arguments(arguments: Sequence[str], switches: set[str]) -> list[str]:
    """`arguments`, written as click reads them: one and two dashes, `_` for `-` in names.

    A switch takes its value after "=" alone, so `--switch word` leaves the word where it is.
    """
    result: list[str] = []
    # `-v4` is the one short form with its value attached that people write.
    rest = double_dashes([re.sub(r"^-v(\d+)$", r"--v=\1", one) for one in arguments])
    for position, argument in enumerate(rest):
        if argument == "--":
            return [*result, *rest[position:]]
        found = _NAME.fullmatch(argument)
        if found is None or (found[1] == "-" and not found[3]):
            result.append(argument)
            continue
        name = found[2].replace("_", "-")
        result.append(f"--{name}{found[3] or ('=true' if name in switches else '')}")
    return result


def items(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """`a,b`, as Go's string slices are written; blank parts are dropped."""
    if isinstance(value, tuple):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def header(value: str | tuple[str, str]) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`."""
    if isinstance(value, tuple):
        return value
    name, separator, content = value.partition("=")
    if not separator or not is_header_name(name):
        raise click.BadParameter(f"{value!r} is not a header such as X-Scope-OrgID=team")
    if not content.isprintable():
        raise click.BadParameter(f"the value of header {name} has control characters")
    return name, content


def interval(value: str | int) -> int:
    """Milliseconds of a duration of at least a second."""
    found = duration(value)
    if found < SECOND:
        raise click.BadParameter(f"{value!r} is too short; at least 1s")
    return found


def _joined(
    _ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    return tuple(part for parts in value for part in parts)


def option(group: str, *names: str, **attributes: Any) -> Callable[[F], F]:
    """Any option, under the heading `group`."""
    return click.option(*names, cls=GroupedOption, group=group, **attributes)


def file(group: str, name: str, text: str) -> Callable[[F], F]:
    """The name of a file; "" for none."""
    return option(group, name, default="", metavar="FILE", help=text)


def list_of(group: str, name: str, text: str, metavar: str = "A,B") -> Callable[[F], F]:
    """Words by commas or by repeating the flag."""
    return option(
        group, name, type=items, multiple=True, callback=_joined, metavar=metavar, help=text
    )


def duration_of(
    group: str, name: str, default: str, text: str, kind: Callable[[str | int], int] = duration
) -> Callable[[F], F]:
    """A Go duration; comes out as milliseconds."""
    return option(
        group,
        name,
        type=kind,
        default=default,
        show_default=True,
        metavar="DURATION",
        help=text,
    )


def port(group: str, name: str, default: int, text: str) -> Callable[[F], F]:
    """A TCP port."""
    return option(
        group,
        name,
        type=click.IntRange(0, 65535),
        default=default,
        show_default=True,
        metavar="PORT",
        help=text,
    )


def switch(group: str, name: str, text: str, **attributes: Any) -> Callable[[F], F]:
    """A Go boolean: `--name` or `--name=false`."""
    return option(
        group,
        name,
        type=bool,
        is_flag=False,
        flag_value=True,
        default=False,
        metavar="",
        help=text,
        **attributes,
    )
