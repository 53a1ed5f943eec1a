import click
import pytest
from click.testing import CliRunner

from kube.service.settings import Address, address, double_dashes, duration


@click.command()
@click.option("--period", type=duration, default="15s")
@click.option("--listen", type=address, default=":8383")
def program(period: int, listen: Address) -> None:
    """Print what was understood."""
    click.echo(f"{period} {listen.host or '*'} {listen.port}")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(program, arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ((), "15000 * 8383"),
        (("--period", "1m30s", "--listen", "127.0.0.1:9440"), "90000 127.0.0.1 9440"),
        (("--period", "2", "--listen", "[::1]:0"), "2000 ::1 0"),
        (("--listen", "9440"), "15000 * 9440"),
    ],
)
def test_durations_and_addresses_are_read(arguments, output):
    assert run(*arguments) == (0, output + "\n")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--period", "soon"),
        ("--period", "-5s"),
        ("--listen", "host"),
        ("--listen", ":70000"),
        ("--listen", "::1:80"),
        ("--listen", ""),
    ],
)
def test_nonsense_names_the_option_and_exits_2(option, value):
    code, output = run(f"{option}={value}")
    assert code == 2
    assert option in output
    assert "such as" in output


def test_single_dashes_of_go_become_double_ones():
    given = ["-loglevel=debug", "--workers", "2", "-v", "-5", "x-y", "--", "-loglevel"]
    assert double_dashes(given) == [
        "--loglevel=debug", "--workers", "2", "-v", "-5", "x-y", "--", "-loglevel",
    ]  # fmt: skip
