"""The command line of `wpa-sandbox`."""

import click
import pytest
from click.testing import CliRunner

from sandbox.cli import LazyGroup, cli


def test_every_listed_command_can_be_imported_and_explains_itself():
    assert isinstance(cli, LazyGroup)
    listed = cli.list_commands(click.Context(cli))
    assert "serve" in listed
    for name in listed:
        answer = CliRunner().invoke(cli, [name, "--help"])
        assert answer.exit_code == 0, answer.output
        assert answer.output.startswith("Usage: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sevre"], "No such command 'sevre'"),
        (["serve", "--port", "99999"], "99999 is not in the range"),
        (["serve", "--nodes", "0"], "0 is not in the range"),
        (["serve", "--nodse", "1"], "No such option"),
    ],
)
def test_what_makes_no_sense_is_refused_with_exit_code_2(arguments, said):
    answer = CliRunner().invoke(cli, arguments)
    assert answer.exit_code == 2
    assert said in answer.output
