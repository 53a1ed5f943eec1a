"""The kubectl plugin as an installation puts it on the PATH."""

import sys
import tomllib
from pathlib import Path

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def put_plugin(folder: Path) -> None:
    """Write `kubectl-wpa` into `folder` as pip makes it of the project's entry point."""
    scripts = tomllib.loads(_PROJECT.read_text())["project"]["scripts"]
    module, function = scripts["kubectl-wpa"].split(":")
    folder.mkdir(exist_ok=True)
    program = folder / "kubectl-wpa"
    program.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
    program.chmod(0o755)
