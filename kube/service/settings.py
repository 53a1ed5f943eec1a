"""What daemons' command lines need beyond click: Go durations, listen addresses, `-flag`.

`duration` and `address` are option types: `click.option("--period", type=duration)`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import click

from kube.vocab.times import parse_duration


class Address(NamedTuple):
    """Where to listen; host "" means all interfaces, port 0 any free one."""

    host: str
    port: int


def duration(value: str | int) -> int:
    """Milliseconds of a Go duration or of bare seconds; an int is milliseconds already."""
    if isinstance(value, int):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def address(value: str | Address) -> Address:
    """`:8383`, `127.0.0.1:8383`, `[::1]:8383` or a bare port."""
    if isinstance(value, Address):
        return value
    match = re.fullmatch(r"(?:(?:\[([^\]]*)\]|([^:\[\]]*)):)?([0-9]{1,5})", value)
    if match is None or int(match[3]) > 65535:
        raise click.BadParameter(f"{value!r} is not an address such as :8383 or 127.0.0.1:8383")
    return Address(match[1] or match[2] or "", int(match[3]))


def double_dashes(arguments: Sequence[str]) -> list[str]:
    """`-loglevel=debug` as `--loglevel=debug`: Go programs take both (wpa-behaviour §21).

    One-letter options and what follows `--` stay as they are.
    """
    result: list[str] = []
    for position, argument in enumerate(arguments):
        if argument == "--":
            return [*result, *arguments[position:]]
        long_name = re.match(r"-[A-Za-z][A-Za-z0-9_-]+", argument)
        result.append(f"-{argument}" if long_name else argument)
    return result
